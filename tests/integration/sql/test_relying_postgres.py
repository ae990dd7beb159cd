"""Two clubs' desks do not wait for each other: decisions under one agreement rely on it together, changes wait."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import column, func, select, table

from app.clubs.agreements import SuspendAgreement
from app.clubs.verdicts import Replay
from app.clubs.visits import CheckIn
from core.clubs.agreement import AgreementState
from tests.support.databases import PostgresDatabase
from tests.support.scenes import Scene, two_clubs
from tests.support.world import World, world_at

_ACTIVITY = table("pg_stat_activity", column("wait_event_type"))
_WAITING = select(func.count().label("waiting")).select_from(_ACTIVITY).where(_ACTIVITY.c.wait_event_type == "Lock")


@pytest.fixture
async def world(shared_postgres_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(shared_postgres_database.url, tmp_path, lock_timeout_seconds=30) as world:
        yield world


@pytest.fixture
async def scene(world: World) -> Scene:
    return await two_clubs(world)


async def test_a_check_in_goes_on_while_another_decision_relies_on_the_agreement(scene: Scene) -> None:
    visit = await scene.confirmed((await scene.member()).id)
    async with scene.world.begin(scene.host) as tx:
        await tx.agreements.relied_on(scene.agreement.id)
        decision = await asyncio.wait_for(scene.world.clubs.visits.check_in(scene.host, visit.id, CheckIn()), 30)
        assert decision.eligible


async def test_vis4_a_suspension_waits_for_decisions_under_way_and_decisions_see_it_afterwards(scene: Scene) -> None:
    visit = await scene.confirmed((await scene.member()).id)
    agreements, visits = scene.world.clubs.agreements, scene.world.clubs.visits
    async with scene.world.begin(scene.host) as tx:
        await tx.agreements.relied_on(scene.agreement.id)
        reason = SuspendAgreement(reason="Storm damage.")
        suspension = asyncio.create_task(agreements.suspend(scene.home, scene.agreement.id, reason))
        await waits(scene.world)
        assert (await tx.agreements.relied_on(scene.agreement.id)).state is AgreementState.ACTIVE
        assert not suspension.done()
    assert (await suspension).state is AgreementState.SUSPENDED
    assert not (await visits.check_in(scene.host, visit.id, CheckIn())).eligible


async def test_vis4_a_check_in_that_waits_for_a_suspension_is_judged_by_it(scene: Scene) -> None:
    visit = await scene.confirmed((await scene.member()).id)
    async with scene.world.begin(scene.home) as tx:
        agreement, events = (await tx.agreements.get(scene.agreement.id)).suspend(
            by=scene.home.of_club, reason="Storm damage."
        )
        await tx.agreements.save(agreement)
        tx.emit(*events)
        checking_in = asyncio.create_task(scene.world.clubs.visits.check_in(scene.host, visit.id, CheckIn()))
        await waits(scene.world)
        assert not checking_in.done()
    assert not (await checking_in).eligible


async def test_a_verdict_is_shown_while_a_change_holds_its_agreement(scene: Scene) -> None:
    """It took the lock that decisions take, and who asked got a 409 after three seconds."""
    decision = await scene.checked_in((await scene.member()).id)
    async with scene.world.begin(scene.home) as tx:
        await tx.agreements.get(scene.agreement.id)
        shown = scene.world.clubs.verdicts.get(scene.host, decision.receipt)
        assert (await asyncio.wait_for(shown, 10)).replay is Replay.SAME


async def waits(world: World) -> None:
    """Until somebody waits for a row that another transaction holds."""
    for _ in range(3000):
        if (await world.database.rows(None, _WAITING))[0]["waiting"]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")
