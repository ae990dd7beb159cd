"""What time does to visits over real storage: nobody stays inside for ever, and nothing that failed stops the rest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.outbound.sql.clubs import SqlClubsTx
from adapters.outbound.sql.visits import SqlVisits
from app.clubs.clubs import AmendClub
from app.clubs.visits import CheckIn, EndVisit
from core.clubs.visit import Visit
from core.clubs.visit_refusals import AlreadyCheckedIn, WindowOver
from core.clubs.visit_states import VisitState
from ports.caller import Caller
from ports.clubs import ClubsTx
from ports.unit_of_work import Begin
from tests.support.databases import MEMORY
from tests.support.scenes import Scene, agree, found, terms, two_clubs
from tests.support.world import START, TODAY, World, caller, world_at


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(MEMORY, tmp_path) as world:
        yield world


@pytest.fixture
async def scene(world: World) -> Scene:
    return await two_clubs(world)


async def until(world: World, at: datetime) -> None:
    """Let the clock show `at`, or a few milliseconds more."""
    world.clock.forward(seconds=(at - world.clock()).total_seconds())


async def test_vis11_a_forgotten_check_out_blocks_another_host_until_the_house_has_closed(scene: Scene) -> None:
    world, visits = scene.world, scene.world.clubs.visits
    meadow = caller((await found(world, "meadow")).id, "eve")
    await agree(world, scene.home, meadow)
    member = await scene.member()
    forgotten = (await scene.checked_in(member.id)).visit
    assert forgotten is not None
    there = await replace(scene, host=meadow).confirmed(member.id, TODAY, TODAY + timedelta(days=1))
    closed_at = datetime(2026, 3, 13, 1, 30, tzinfo=UTC)
    await world.clubs.clubs.amend(scene.host, scene.host.of_club, AmendClub(closing_time="02:30"))
    await until(world, closed_at - timedelta(seconds=5))
    assert await visits.conclude(scene.host.of_club) == 0
    with pytest.raises(AlreadyCheckedIn):
        await visits.check_in(meadow, there.id, CheckIn())
    await until(world, closed_at + timedelta(hours=7))
    assert await visits.conclude(scene.host.of_club) == 1
    left = await visits.get(scene.home, forgotten.id)
    assert (left.checked_out_at, left.auto_check_out) == (closed_at, True)
    assert (await visits.check_in(meadow, there.id, CheckIn())).eligible


async def test_vis11_a_house_that_closes_in_the_afternoon_checks_out_on_the_same_day(scene: Scene) -> None:
    world = scene.world
    await world.clubs.clubs.amend(scene.host, scene.host.of_club, AmendClub(closing_time="14:00"))
    inside = (await scene.checked_in((await scene.member()).id)).visit
    assert inside is not None
    closed_at = START.replace(hour=13, minute=0)
    await until(world, closed_at + timedelta(minutes=1))
    assert await world.clubs.visits.conclude(scene.host.of_club) == 1
    assert (await world.clubs.visits.get(scene.host, inside.id)).checked_out_at == closed_at


async def test_vis11_who_came_in_after_the_house_had_closed_is_checked_out_when_it_closes_again(scene: Scene) -> None:
    world = scene.world
    await world.clubs.clubs.amend(scene.host, scene.host.of_club, AmendClub(closing_time="12:00"))
    await until(world, START.replace(hour=15))
    inside = (await scene.checked_in((await scene.member()).id)).visit
    assert inside is not None
    assert await world.clubs.visits.conclude(scene.host.of_club) == 0
    world.clock.forward(days=1)
    assert await world.clubs.visits.conclude(scene.host.of_club) == 1
    left = await world.clubs.visits.get(scene.host, inside.id)
    assert left.checked_out_at == datetime(2026, 3, 13, 11, tzinfo=UTC)


@pytest.mark.parametrize("consumes", [False, True])
async def test_vis6_who_did_not_come_has_used_the_days_if_the_terms_say_so(world: World, consumes: bool) -> None:
    scene = await two_clubs(world, terms(no_show_consumes=consumes))
    member = await scene.member()
    missed = await scene.confirmed(member.id, TODAY, TODAY + timedelta(days=3))
    world.clock.forward(days=4)
    with pytest.raises(WindowOver):
        await world.clubs.visits.cancel(scene.home, missed.id, EndVisit(reason="Too late"))
    assert await world.clubs.visits.conclude(scene.host.of_club) == 1
    assert (await world.clubs.visits.get(scene.home, missed.id)).state is VisitState.NO_SHOW
    again = await scene.request(member.id, TODAY + timedelta(days=4))
    assert again.eligible is not consumes


async def test_vis3_a_request_that_nobody_answered_lapses_and_may_be_made_again(scene: Scene) -> None:
    visits, member = scene.world.clubs.visits, await scene.member()
    asked = await scene.requested(member.id)
    scene.world.clock.forward(days=1)
    assert await visits.conclude(scene.host.of_club) == 1
    lapsed = await visits.get(scene.host, asked.id)
    assert (lapsed.state, lapsed.reason) == (VisitState.CANCELLED, None)
    async with scene.world.begin(scene.home) as tx:
        assert not await tx.grants.of_member(asked.member_ref)
    assert (await scene.requested(member.id, TODAY + timedelta(days=1))).state is VisitState.REQUESTED


async def test_vis3_a_visit_is_over_by_the_hosts_calendar_and_not_by_the_homes(scene: Scene) -> None:
    world, visits = scene.world, scene.world.clubs.visits
    await world.clubs.clubs.amend(scene.host, scene.host.of_club, AmendClub(zone="America/New_York"))
    booked = await scene.confirmed((await scene.member()).id)
    await until(world, datetime(2026, 3, 13, 3, 59, 50, tzinfo=UTC))
    assert await visits.conclude(scene.host.of_club) == 0
    await until(world, datetime(2026, 3, 13, 4, tzinfo=UTC))
    assert await visits.conclude(scene.host.of_club) == 1
    assert (await visits.get(scene.home, booked.id)).state is VisitState.NO_SHOW


class Broken(Exception):
    """What is wrong with one visit."""


@dataclass
class OneIsBroken:
    """Transactions in which one visit cannot be loaded."""

    world: World
    broken: UUID

    @asynccontextmanager
    async def __call__(self, caller: Caller) -> AsyncIterator[Any]:
        broken = self.broken

        class Visits(SqlVisits):
            async def get(self, key: UUID) -> Visit:
                if key == broken:
                    raise Broken
                return await super().get(key)

        class Tx(SqlClubsTx):
            @property
            def visits(self) -> SqlVisits:
                return Visits(self.session)

        async with self.world.system.infrastructure.begin(Tx)(caller) as tx:
            yield tx


async def test_a_visit_that_fails_is_told_and_keeps_no_other_waiting(scene: Scene) -> None:
    visits = scene.world.clubs.visits
    booked = [(await scene.confirmed((await scene.member()).id)).id for _ in range(3)]
    scene.world.clock.forward(days=1)
    with pytest.raises(Broken):
        await replace(visits, begin=OneIsBroken(scene.world, booked[0])).conclude(scene.host.of_club)
    states = [(await visits.get(scene.host, key)).state for key in booked]
    assert states == [VisitState.CONFIRMED, VisitState.NO_SHOW, VisitState.NO_SHOW]
    assert await visits.conclude(scene.host.of_club) == 1


@dataclass
class Quicker:
    """Somebody at the desk who checks everybody out between the worker's question and its first change."""

    scene: Scene
    begin: Begin[ClubsTx]
    inside: list[UUID]

    @asynccontextmanager
    async def __call__(self, caller: Caller) -> AsyncIterator[ClubsTx]:
        while self.inside:
            await self.scene.world.clubs.visits.check_out(self.scene.host, self.inside.pop())
        async with self.begin(caller) as tx:
            yield tx


async def test_what_somebody_did_first_stands_and_is_no_error(scene: Scene) -> None:
    visits = scene.world.clubs.visits
    inside = [decided.visit.id for decided in [await _in(scene), await _in(scene)] if decided.visit]
    scene.world.clock.forward(days=1)
    quicker = Quicker(scene, visits.begin, list(inside))
    assert await replace(visits, begin=quicker).conclude(scene.host.of_club) == 0
    for key in inside:
        left = await visits.get(scene.host, key)
        assert (left.state, left.auto_check_out) == (VisitState.CHECKED_OUT, False)


async def _in(scene: Scene) -> Any:
    return await scene.checked_in((await scene.member()).id)
