"""Visits over real storage: what a desk is told of a visit that is not as far along as it thinks, or further."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.clubs.visits import CheckIn, ConfirmVisit, EndVisit, NotTheHost
from core.clubs.terms import Quota
from core.clubs.visit_refusals import AlreadyCheckedIn, WindowOver, WrongState
from tests.support.databases import MEMORY
from tests.support.scenes import Scene, terms, two_clubs
from tests.support.world import TODAY, World, world_at


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(MEMORY, tmp_path) as world:
        yield world


@pytest.fixture
async def scene(world: World) -> Scene:
    return await two_clubs(world)


async def test_vis3_a_visit_that_ended_is_neither_confirmed_nor_checked_in(scene: Scene) -> None:
    visits = scene.world.clubs.visits
    cancelled = await scene.confirmed((await scene.member()).id)
    await visits.cancel(scene.home, cancelled.id, EndVisit(reason="Rain"))
    declined = await scene.requested((await scene.member()).id)
    await visits.decline(scene.host, declined.id, EndVisit(reason="Full"))
    left = (await scene.checked_in((await scene.member()).id)).visit
    assert left is not None
    await visits.check_out(scene.host, left.id)
    for visit in (cancelled.id, declined.id, left.id):
        for attempt in (
            visits.confirm(scene.host, visit, ConfirmVisit()),
            visits.check_in(scene.host, visit, CheckIn()),
        ):
            with pytest.raises(WrongState):
                await attempt


async def test_vis5_a_member_who_is_in_is_checked_in_already_even_once_erased(scene: Scene) -> None:
    visits, member = scene.world.clubs.visits, await scene.member()
    visit = (await scene.checked_in(member.id)).visit
    assert visit is not None
    for erase in (False, True):
        if erase:
            await scene.world.clubs.members.erase(scene.home, member.id)
        with pytest.raises(AlreadyCheckedIn):
            await visits.check_in(scene.host, visit.id, CheckIn())
    assert (await visits.check_out(scene.host, visit.id)).erased


async def test_vis3_a_visit_is_checked_in_by_its_host_once_confirmed(scene: Scene) -> None:
    visits = scene.world.clubs.visits
    visit = await scene.requested((await scene.member()).id)
    with pytest.raises(WrongState):
        await visits.check_in(scene.host, visit.id, CheckIn())
    for attempt in (
        visits.confirm(scene.home, visit.id, ConfirmVisit()),
        visits.check_in(scene.home, visit.id, CheckIn()),
    ):
        with pytest.raises(NotTheHost):
            await attempt


async def test_a_visit_whose_days_are_over_is_not_confirmed(scene: Scene) -> None:
    visit = await scene.requested((await scene.member()).id, TODAY, TODAY + timedelta(days=1))
    scene.world.clock.forward(days=2)
    with pytest.raises(WindowOver):
        await scene.world.clubs.visits.confirm(scene.host, visit.id, ConfirmVisit())


@pytest.mark.parametrize(("quotas", "expected"), [(terms().quotas, [TODAY]), ((), [])], ids=["by month", "no quota"])
async def test_vis1_a_verdict_keeps_the_days_that_a_quota_counts_and_not_all_that_a_member_ever_came(
    world: World, quotas: tuple[Quota, ...], expected: list[date]
) -> None:
    """With every day of every visit in it, a regular's verdict grew until no disclosure could hold it any more."""
    scene = await two_clubs(world, terms(quotas=quotas))
    member = await scene.member()
    for day in (TODAY, TODAY + timedelta(days=40)):
        await scene.confirmed(member.id, day)
    decision = await scene.request(member.id, TODAY + timedelta(days=1))
    shown = (await world.clubs.verdicts.get(scene.host, decision.receipt)).verdict
    assert shown is not None and isinstance(shown["inputs"], dict)
    assert shown["inputs"]["consumed"] == [day.isoformat() for day in expected]
