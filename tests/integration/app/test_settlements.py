"""Settling in the product: what both logs have is settled once, and what only one of them has is told to both."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from adapters.outbound.local.pairs import LocalPairs
from adapters.outbound.signatures import SIGNATURES
from app.clubs.settlements import EvidenceNotBelieved, NotSettled, OpeningLost
from concordat.assembly.clubs import gauges
from core.clubs.settlement import SettlementState
from core.clubs.visit import VisitCheckedIn
from core.log.settlements import check_proof
from core.log.trust import parse_ledger_trust
from core.log.witness import unknown_origin
from ports.caller import Caller
from ports.ledger import LedgerUnavailable
from ports.pairs import Pair, Pairs, Settled, Signed
from ports.unit_of_work import Missing
from shared.canonical import Json
from tests.support.databases import MEMORY, sqlite_of
from tests.support.scenes import Scene, agree, found, two_clubs
from tests.support.settling import MARCH, after_march, caught_up, settle, standing, visited
from tests.support.world import World, caller, world_at


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(MEMORY, tmp_path) as world:
        yield world


@pytest.fixture
async def scene(world: World) -> Scene:
    return await two_clubs(world)


async def states(scene: Scene) -> list[SettlementState]:
    """Both clubs see the same."""
    home, host = await standing(scene.world, scene.home), await standing(scene.world, scene.host)
    assert home == host
    return [each.state for each in home]


_OF = "WHERE club_id = ? AND event_id IN (SELECT id FROM event WHERE type = ? ORDER BY id LIMIT 1)"
FORGOTTEN = {table: " ".join(("DELETE FROM", table, _OF)) for table in ("leaf", "disclosure", "record")}


async def forget(scene: Scene, club: Caller, *tables: str) -> None:
    """The first check-in vanishes from a club's log: what somebody with the database in hands could do."""
    async with sqlite_of(scene.world.database).begin() as connection:
        for table in tables or FORGOTTEN:
            await connection.exec_driver_sql(FORGOTTEN[table], (club.of_club.hex, VisitCheckedIn.type))


async def test_a_month_is_settled_once_it_is_over_and_not_a_day_before(scene: Scene) -> None:
    await visited(scene)
    both = scene.home, scene.host
    assert await states(scene) == [SettlementState.OPEN]
    assert await settle(scene.world, *both) == 0
    scene.world.clock.forward(days=20)
    assert await settle(scene.world, *both) == 0
    assert await states(scene) == [SettlementState.OPEN]
    scene.world.clock.forward(days=1)
    assert await settle(scene.world, *both) == 1
    assert await states(scene) == [SettlementState.SETTLED]


async def test_repeating_a_turn_does_nothing(scene: Scene) -> None:
    await visited(scene)
    after_march(scene.world)
    assert await settle(scene.world, scene.home, scene.host) == 1
    before = await standing(scene.world, scene.home)
    assert await settle(scene.world, scene.home, scene.host) == 0
    assert await standing(scene.world, scene.home) == before
    assert scene.world.clubs.settlements.standing == {}


async def test_what_was_settled_is_on_the_ledger_and_opens_for_either_club_offline(scene: Scene) -> None:
    visits = await visited(scene)
    after_march(scene.world)
    await settle(scene.world, scene.home, scene.host)
    (settled,) = await standing(scene.world, scene.home)
    assert settled.pair is not None and settled.commitment is not None
    held = await scene.world.system.infrastructure.pairs.settled(settled.pair, MARCH)
    assert held == Settled(pair=settled.pair, period=MARCH, commitment=settled.commitment)
    trust = parse_ledger_trust(cast(Json, await scene.world.ledger.trust()))
    proven = set()
    for visit in visits:
        proofs = [await scene.world.clubs.settlements.prove(club, visit) for club in (scene.home, scene.host)]
        assert proofs[0] == proofs[1]
        checked = check_proof(proofs[0], trust, SIGNATURES)
        assert checked.proof is not None, checked.reason
        assert (checked.proof.opening.count, checked.proof.opening.commitment) == (3, settled.commitment)
        proven.add(checked.proof.visit)
    assert len(proven) == 3


async def test_a_visit_that_an_erasure_has_touched_still_counts(scene: Scene) -> None:
    member = await scene.member()
    visit = (await scene.checked_in(member.id)).visit
    await visited(scene, 1)
    assert visit is not None
    await scene.world.clubs.visits.check_out(scene.host, visit.id)
    await scene.world.clubs.members.erase(scene.home, member.id)
    await caught_up(scene.world)
    after_march(scene.world)
    assert await settle(scene.world, scene.home, scene.host) == 1
    proof = await scene.world.clubs.settlements.prove(scene.host, visit.id)
    assert json.loads(proof)["count"] == 2


async def test_an_erasure_after_the_settlement_leaves_it_provable(scene: Scene) -> None:
    member = await scene.member()
    visit = (await scene.checked_in(member.id)).visit
    assert visit is not None
    await scene.world.clubs.visits.check_out(scene.host, visit.id)
    await caught_up(scene.world)
    after_march(scene.world)
    await settle(scene.world, scene.home, scene.host)
    before = await scene.world.clubs.settlements.prove(scene.host, visit.id)
    await scene.world.clubs.members.erase(scene.home, member.id)
    assert await scene.world.clubs.settlements.prove(scene.host, visit.id) == before


@pytest.mark.parametrize("whose", ["home", "host"])
async def test_where_one_log_lacks_a_visit_nothing_is_settled_and_both_clubs_are_told_which(
    scene: Scene, whose: str
) -> None:
    visits = await visited(scene)
    club = scene.home if whose == "home" else scene.host
    await forget(scene, club)
    after_march(scene.world)
    for _turn in range(2):
        assert await settle(scene.world, scene.home, scene.host) == 0
        assert await states(scene) == [SettlementState.DIFFERS]
    (told,) = await standing(scene.world, scene.home)
    having = told.only_second if told.first_club == club.of_club else told.only_first
    lacking = told.only_first if told.first_club == club.of_club else told.only_second
    assert ([each.visit for each in having], lacking) == ([visits[0]], ())
    shown = {each.labels["state"]: each.value for each in gauges(scene.world.clubs, scene.world.system.infrastructure)}
    assert shown == {"open": 0, "differs": 1, "refused": 0}
    assert (told.pair, told.commitment) == (None, None)
    with pytest.raises(NotSettled, match="differs"):
        await scene.world.clubs.settlements.prove(scene.home, visits[1])


async def test_a_month_waits_while_a_check_in_has_no_place_in_a_log_yet(scene: Scene) -> None:
    await visited(scene)
    await forget(scene, scene.host, "leaf")
    after_march(scene.world)
    assert await settle(scene.world, scene.home, scene.host) == 0
    assert await states(scene) == [SettlementState.OPEN]


async def test_a_month_whose_visits_are_in_neither_log_any_more_is_not_settled_as_an_empty_one(scene: Scene) -> None:
    await visited(scene, 1)
    for club in (scene.home, scene.host):
        await forget(scene, club)
    after_march(scene.world)
    assert await settle(scene.world, scene.home, scene.host) == 0
    assert await states(scene) == [SettlementState.OPEN]


async def test_a_third_club_sees_nothing_of_it_and_proves_nothing(scene: Scene) -> None:
    visits = await visited(scene)
    stranger = caller((await found(scene.world, "meadow")).id, "eve")
    after_march(scene.world)
    await settle(scene.world, scene.home, scene.host, stranger)
    assert await standing(scene.world, stranger) == []
    with pytest.raises(Missing):
        await scene.world.clubs.settlements.prove(stranger, visits[0])


async def test_a_record_that_cannot_be_read_keeps_only_its_own_pair_from_settling(scene: Scene) -> None:
    world, third = scene.world, caller((await found(scene.world, "meadow")).id, "eve")
    other = replace(scene, home=third, agreement=await agree(world, third, scene.host))
    (visit,) = await visited(other, 1)
    await visited(scene)
    async with sqlite_of(world.database).begin() as connection:
        broken = "UPDATE record SET data = x'00' WHERE club_id = ? AND event_id IN (SELECT id FROM event WHERE type = ?"
        words = f"{broken} ORDER BY id LIMIT 1)"
        await connection.exec_driver_sql(words, (scene.host.of_club.hex, VisitCheckedIn.type))
    after_march(world)
    assert await settle(world, scene.home, scene.host, third) == 1
    assert {each.state for each in await standing(world, scene.home)} == {SettlementState.SETTLED}
    (told,) = await standing(world, third)
    assert told.state is SettlementState.DIFFERS
    assert [each.visit for each in (*told.only_first, *told.only_second)] == [visit]


async def test_what_was_settled_on_another_ledger_gets_the_word_of_the_one_that_is_trusted_now(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with world_at(sqlite_url, tmp_path) as world:
        scene = await two_clubs(world)
        (visit,) = await visited(scene, 1)
        after_march(world)
        await settle(world, scene.home, scene.host)
        (before,) = await standing(world, scene.home)
    (tmp_path / "secrets" / "ledger+witness").unlink()
    async with world_at(sqlite_url, tmp_path, ledger_url=f"local:{tmp_path / 'another'}") as world:
        after_march(world)
        with pytest.raises(EvidenceNotBelieved, match="not signed by a known key"):
            await world.clubs.settlements.prove(scene.home, visit)
        own = world.clubs.settlements
        early = replace(own, pairs=Unregistered(own.pairs, 0), believed=set())
        assert [await early.settle(club.of_club) for club in (scene.home, scene.host)] == [0, 0]
        for _turn in range(2):
            assert await settle(world, scene.home, scene.host) == 0
        (after,) = await standing(world, scene.home)
        assert (after.pair, after.commitment) == (before.pair, before.commitment)
        trust = parse_ledger_trust(cast(Json, await world.ledger.trust()))
        checked = check_proof(await world.clubs.settlements.prove(scene.home, visit), trust, SIGNATURES)
        assert checked.step is None, checked.reason
        assert world.clubs.settlements.believed == {scene.home.of_club, scene.host.of_club}


async def test_aud7_before_a_pair_settles_every_log_is_compared_and_not_its_own_alone(scene: Scene) -> None:
    await visited(scene, 1)
    await found(scene.world, "meadow")
    after_march(scene.world)
    await settle(scene.world, scene.home, scene.host)
    everybody = {entry.club for entry in await scene.world.backlog.directory()}
    assert len(everybody) == 3
    assert scene.world.clubs.settlements.guard.known.keys() == everybody


async def test_each_pair_has_an_id_and_keys_of_its_own(world: World, scene: Scene) -> None:
    await visited(scene)
    other = await two_clubs(world)
    await visited(other)
    after_march(world)
    assert await settle(world, scene.home, scene.host, other.home, other.host) == 2
    one, another = (await standing(world, scene.home))[0], (await standing(world, other.home))[0]
    assert one.pair != another.pair
    assert one.commitment != another.commitment


class Away:
    """A ledger that answers no more after so many calls that change it."""

    def __init__(self, pairs: Pairs, answers: int) -> None:
        self._pairs, self._answers = pairs, answers

    async def open(self, pair: bytes, keys: tuple[bytes, bytes], origins: tuple[str, str]) -> Pair:
        self._count()
        opened = await self._pairs.open(pair, keys, origins)
        self._count()
        return opened

    async def settle(self, signed: Signed) -> None:
        self._count()
        await self._pairs.settle(signed)
        self._count()

    async def settled(self, pair: bytes, period: str) -> Settled | None:
        return await self._pairs.settled(pair, period)

    async def evidence(self, settled: Settled) -> dict[str, object] | None:
        self._count()
        return await self._pairs.evidence(settled)

    def _count(self) -> None:
        self._answers -= 1
        if self._answers < 0:
            raise LedgerUnavailable(remedy="wait")


class Unregistered(Away):
    """A ledger that has no anchor of a log yet, and so knows nobody to whom it belongs."""

    async def open(self, pair: bytes, keys: tuple[bytes, bytes], origins: tuple[str, str]) -> Pair:
        raise unknown_origin(origins[0])


async def test_a_month_waits_while_the_ledger_does_not_know_a_log_yet_and_nobody_is_alarmed(scene: Scene) -> None:
    await visited(scene)
    after_march(scene.world)
    own = scene.world.clubs.settlements
    early = replace(own, pairs=Unregistered(own.pairs, 0))
    for club in (scene.home, scene.host):
        assert await early.settle(club.of_club) == 0
    assert await states(scene) == [SettlementState.OPEN]
    assert await settle(scene.world, scene.home, scene.host) == 1


@pytest.mark.parametrize("answers", range(5))
async def test_whatever_step_the_ledger_goes_away_at_the_next_turn_settles_it_once(scene: Scene, answers: int) -> None:
    await visited(scene)
    after_march(scene.world)
    own = scene.world.clubs.settlements
    away = replace(own, pairs=Away(own.pairs, answers))
    with pytest.raises(LedgerUnavailable):
        for club in (scene.home, scene.host):
            await away.settle(club.of_club)
    assert await states(scene) == [SettlementState.OPEN]
    assert await settle(scene.world, scene.home, scene.host) == 1
    (told,) = await standing(scene.world, scene.home)
    assert told.pair is not None
    assert isinstance(own.pairs, LocalPairs)
    assert await own.pairs.settled(told.pair, MARCH) is not None


async def test_records_that_changed_after_the_settlement_are_told_and_settled_stays_settled(scene: Scene) -> None:
    visits = await visited(scene)
    after_march(scene.world)
    await settle(scene.world, scene.home, scene.host)
    for club in (scene.home, scene.host):
        await forget(scene, club)
    with pytest.raises(OpeningLost):
        await scene.world.clubs.settlements.prove(scene.home, visits[1])
    assert await states(scene) == [SettlementState.SETTLED]


async def test_a_database_that_forgot_its_settlement_comes_to_the_same_one(scene: Scene) -> None:
    await visited(scene)
    after_march(scene.world)
    await settle(scene.world, scene.home, scene.host)
    (before,) = await standing(scene.world, scene.home)
    async with sqlite_of(scene.world.database).begin() as connection:
        await connection.exec_driver_sql("UPDATE settlement SET state = 'open', commitment = NULL, evidence = NULL")
    assert await settle(scene.world, scene.home, scene.host) == 1
    (again,) = await standing(scene.world, scene.home)
    assert replace(again, at=before.at) == before


async def test_a_database_that_lost_visits_since_is_refused_by_the_ledger_and_says_so(scene: Scene) -> None:
    await visited(scene)
    after_march(scene.world)
    await settle(scene.world, scene.home, scene.host)
    async with sqlite_of(scene.world.database).begin() as connection:
        await connection.exec_driver_sql("UPDATE settlement SET state = 'open'")
    for club in (scene.home, scene.host):
        await forget(scene, club)
    assert await settle(scene.world, scene.home, scene.host) == 0
    (told,) = await standing(scene.world, scene.home)
    assert (told.state, told.reason) == (SettlementState.REFUSED, "settled")
