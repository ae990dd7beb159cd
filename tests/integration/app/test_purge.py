"""Purging turn by turn: every club has its turn, whatever befalls another, and no turn does more than it may."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest

from app.clubs.clubs import AmendClub
from ports.caller import Caller
from ports.unit_of_work import Leftovers
from shared.errors import Unavailable
from tests.support.databases import MEMORY
from tests.support.scenes import two_clubs
from tests.support.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(MEMORY, tmp_path) as world:
        yield world


@dataclass
class Closed:
    """Purges every club but one; with none, what belongs to no club cannot be purged."""

    real: Leftovers
    club: UUID | None

    async def drop_answers(self, club: UUID, limit: int) -> int:
        if club == self.club:
            raise Unavailable
        return await self.real.drop_answers(club, limit)

    async def drop_handled(self, limit: int) -> int:
        if self.club is None:
            raise Unavailable
        return await self.real.drop_handled(limit)


async def answered(world: World, club: Caller, times: int) -> None:
    for number in range(times):
        command = AmendClub(name=f"Name {number}")
        await world.clubs.clubs.amend(club.under("amend", f"{number}", command), club.of_club, command)


async def test_a_turn_purges_the_inbox_and_every_club_and_leaves_the_rest_to_the_next(world: World) -> None:
    scene = await two_clubs(world)
    decision = await scene.checked_in((await scene.member()).id)
    await world.relay.tick()
    await answered(world, scene.home, 3)
    await answered(world, scene.host, 1)
    await world.relay.tick()
    purge = replace(world.purge, batch=2)
    assert await purge.tick() == 0
    world.clock.forward(days=8)
    assert [await purge.tick() for _ in range(3)] == [2 + 2 + 1, 1, 0]
    async with world.begin(scene.host) as tx:
        assert await tx.first_time("clubs.visit_counts", decision.receipt)


async def test_trouble_in_one_club_keeps_no_other_waiting_and_is_told(world: World) -> None:
    scene = await two_clubs(world)
    for club in (scene.home, scene.host):
        await answered(world, club, 1)
    world.clock.forward(days=2)
    closed = Closed(world.leftovers, min(scene.home.of_club, scene.host.of_club))
    purge = replace(world.purge, leftovers=closed)
    assert await purge.tick() == 1
    ((troubled, trouble),) = purge.turns.troubled.items()
    assert troubled == closed.club and isinstance(trouble.error, Unavailable)
    closed.club = UUID(int=0)
    world.clock.forward(seconds=60)
    assert await purge.tick() == 1
    assert not purge.turns.troubled


async def test_trouble_with_the_inbox_keeps_no_club_waiting_and_is_the_job_s(world: World) -> None:
    scene = await two_clubs(world)
    await answered(world, scene.home, 1)
    world.clock.forward(days=2)
    with pytest.raises(Unavailable):
        await replace(world.purge, leftovers=Closed(world.leftovers, None)).tick()
    assert await world.purge.tick() == 0


async def test_purging_is_a_job_of_the_platform(world: World) -> None:
    jobs = {job.name: job for built in world.system.modules for job in built.jobs(world.system.infrastructure)}
    assert jobs["platform.purge"].tick == world.purge.tick
    assert jobs["platform.purge"].every_seconds == world.system.settings.purge_seconds
