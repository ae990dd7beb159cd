"""What every implementation of ports.clubs.Settlements must do."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.clubs.visits import CheckIn
from core.clubs.settlement import SettlementState, Unmatched, check_in_of, of_pair, pair_of, span_of
from core.log.records import parse_record
from ports.caller import Caller
from ports.clubs import Settlement, StoredCheckIn
from tests.contracts.worlds import InWorlds
from tests.support.scenes import Scene, found
from tests.support.world import World, caller

MARCH = "2026-03"
AT = datetime(2026, 4, 2, tzinfo=UTC)


def settlement(scene: Scene, period: str = MARCH, state: SettlementState = SettlementState.OPEN) -> Settlement:
    first, second = pair_of(scene.home.of_club, scene.host.of_club)
    return Settlement(first_club=first, second_club=second, period=period, state=state, at=AT)


class SettlementsContract(InWorlds):
    """A backend brings `make`: the URL of a migrated database."""

    def make(self, request: pytest.FixtureRequest) -> str:
        raise NotImplementedError

    @pytest.fixture
    async def stranger(self, world: World) -> Caller:
        return caller((await found(world, "meadow")).id, "eve")

    async def test_a_month_is_noted_by_either_club_once_and_seen_by_both_alone(
        self, scene: Scene, stranger: Caller
    ) -> None:
        noted = settlement(scene)
        for club in (scene.home, scene.host):
            async with scene.world.begin(club) as tx:
                await tx.settlements.add(replace(noted, at=AT if club is scene.home else AT.replace(day=3)))
        for club in (scene.home, scene.host):
            async with scene.world.begin(club) as tx:
                assert await tx.settlements.of_club() == [noted]
        async with scene.world.begin(stranger) as tx:
            assert await tx.settlements.of_club() == []
            await tx.settlements.save(replace(noted, state=SettlementState.SETTLED))
        async with scene.world.begin(scene.home) as tx:
            assert await tx.settlements.of_club() == [noted]

    async def test_where_it_stands_is_kept_whole_and_what_is_settled_stays_so(self, scene: Scene) -> None:
        noted = settlement(scene)
        only = (Unmatched(visit=scene.world.new_id(), commitment=bytes([1]) * 32),)
        differs = replace(noted, state=SettlementState.DIFFERS, only_first=only)
        settled = replace(
            noted,
            state=SettlementState.SETTLED,
            pair=bytes([2]) * 32,
            commitment=bytes([3]) * 32,
            evidence={"kind": "test", "note": "n"},
        )
        async with scene.world.begin(scene.home) as tx:
            await tx.settlements.add(noted)
        for step in (differs, settled):
            async with scene.world.begin(scene.host) as tx:
                await tx.settlements.save(step)
            async with scene.world.begin(scene.home) as tx:
                assert await tx.settlements.of_club() == [step]
        async with scene.world.begin(scene.home) as tx:
            await tx.settlements.save(differs)
            await tx.settlements.save(replace(settled, commitment=bytes([4]) * 32))
            await tx.settlements.save(replace(settled, state=SettlementState.REFUSED, reason="settled"))
            await tx.settlements.add(noted)
            assert await tx.settlements.of_club() == [settled]
            anew = replace(settled, at=AT.replace(day=4), evidence={"kind": "test", "note": "of another ledger"})
            await tx.settlements.save(anew)
            assert await tx.settlements.of_club() == [anew]

    async def test_due_is_what_is_not_settled_by_a_period_for_the_first_club_alone(self, scene: Scene) -> None:
        states = {
            "2026-01": SettlementState.SETTLED,
            "2026-02": SettlementState.DIFFERS,
            "2026-03": SettlementState.OPEN,
            "2026-04": SettlementState.OPEN,
        }
        async with scene.world.begin(scene.home) as tx:
            for period, state in states.items():
                await tx.settlements.add(settlement(scene, period, state))
        first, _second = pair_of(scene.home.of_club, scene.host.of_club)
        for club in (scene.home, scene.host):
            async with scene.world.begin(club) as tx:
                due = [each.period for each in await tx.settlements.due(MARCH)]
                everything = [each.period for each in await tx.settlements.of_club()]
            assert due == (["2026-03", "2026-02"] if club.of_club == first else [])
            assert everything == sorted(states, reverse=True)

    async def test_check_ins_are_those_of_the_clubs_own_records_and_say_whether_they_are_in_its_log(
        self, scene: Scene, stranger: Caller
    ) -> None:
        visit = (await scene.checked_in((await scene.member()).id)).visit
        assert visit is not None
        await scene.confirmed((await scene.member()).id)
        for placed in (False, True):
            sides = []
            for club in (scene.home, scene.host):
                stored = await self._check_ins(scene, club, MARCH)
                assert [each.placed for each in stored] == [placed]
                record = parse_record(stored[0].record)
                async with scene.world.begin(club) as tx:
                    assert record.log == (await tx.clubs.entry(club.of_club)).origin
                found = check_in_of(record.object, record.after[0].fields, record.after[0].id)
                sides.append(of_pair([found], pair_of(scene.home.of_club, scene.host.of_club), MARCH))
            assert sides == [{visit.commitment: visit.id}] * 2
            await scene.world.pipeline.integrate()
        assert await self._check_ins(scene, stranger, MARCH) == []
        assert await self._check_ins(scene, scene.home, "2026-04") == []
        assert await self._check_ins(scene, scene.home, "2026-01") == []

    async def test_a_check_in_is_found_in_its_month_where_the_clock_was_set_back_over_the_edge_before_it_was_noted(
        self, scene: Scene
    ) -> None:
        april = datetime(2026, 4, 1, 0, 0, 0, 500_000, tzinfo=UTC)
        visit = await scene.confirmed((await scene.member()).id, april.date())
        scene.world.clock.forward(seconds=(april - scene.world.clock()).total_seconds() - 2)
        desk = replace(scene.world.clubs.visits, now=lambda: april)
        assert (await desk.check_in(scene.host, visit.id, CheckIn())).eligible
        (stored,) = await self._check_ins(scene, scene.host, "2026-04")
        record = parse_record(stored.record)
        assert record.at < april.replace(microsecond=0)
        assert check_in_of(record.object, record.after[0].fields, record.after[0].id).period == "2026-04"

    async def _check_ins(self, scene: Scene, club: Caller, period: str) -> list[StoredCheckIn]:
        async with scene.world.begin(club) as tx:
            return [*await tx.settlements.check_ins(*span_of(period))]
