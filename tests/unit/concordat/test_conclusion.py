"""Agreements and visits end when their time has come, whatever happens in other clubs."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest

from adapters.inbound.jobs.conclusion import Conclusion
from core.clubs.agreement_states import AgreementState
from core.clubs.visit_states import VisitState
from ports.caller import Caller
from ports.clubs import ClubsTx
from ports.unit_of_work import Begin
from shared.errors import Unavailable
from shared.paging import PageRequest
from tests.support.databases import MEMORY
from tests.support.scenes import agree, found, two_clubs
from tests.support.world import World, caller, world_at


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(MEMORY, tmp_path) as world:
        yield world


@dataclass
class Closed:
    """Opens transactions of every club but one."""

    begin: Begin[ClubsTx]
    club: UUID

    def __call__(self, caller: Caller) -> AbstractAsyncContextManager[ClubsTx]:
        if caller.club == self.club:
            raise Unavailable
        return self.begin(caller)


async def ending(world: World) -> list[UUID]:
    """Two clubs, each with an agreement that it proposed and that has had its notice."""
    host = caller((await found(world, "summit")).id)
    proposers = []
    for _ in range(2):
        proposer = caller((await found(world)).id)
        agreement = await agree(world, proposer, host)
        await world.clubs.agreements.give_notice(proposer, agreement.id)
        proposers.append(proposer.of_club)
    return proposers


async def states(world: World, club: UUID) -> list[AgreementState]:
    page = await world.clubs.agreements.list(caller(club), PageRequest())
    return [agreement.state for agreement in page.data]


async def test_agreements_end_once_their_notice_is_over(world: World) -> None:
    clubs = await ending(world)
    conclusion = Conclusion(agreements=world.clubs.agreements, visits=world.clubs.visits, backlog=world.backlog)
    assert await conclusion.tick() == 0
    world.clock.forward(days=31)
    assert await conclusion.tick() == 2
    assert await conclusion.tick() == 0
    assert [await states(world, club) for club in clubs] == [[AgreementState.TERMINATED]] * 2


async def test_trouble_in_one_club_is_told_and_keeps_no_other_waiting(world: World) -> None:
    troubled, other = await ending(world)
    world.clock.forward(days=31)
    agreements = world.clubs.agreements
    closed = replace(agreements, begin=Closed(agreements.begin, troubled))
    with pytest.raises(Unavailable):
        await Conclusion(agreements=closed, visits=world.clubs.visits, backlog=world.backlog).tick()
    assert await states(world, other) == [AgreementState.TERMINATED]
    assert await states(world, troubled) == [AgreementState.ACTIVE]


async def test_trouble_with_an_agreement_keeps_no_visit_of_the_club_waiting(world: World) -> None:
    scene = await two_clubs(world)
    visit = await scene.confirmed((await scene.member()).id)
    world.clock.forward(days=2)
    agreements = replace(world.clubs.agreements, begin=Closed(world.clubs.agreements.begin, scene.host.of_club))
    with pytest.raises(Unavailable):
        await Conclusion(agreements=agreements, visits=world.clubs.visits, backlog=world.backlog).tick()
    assert (await world.clubs.visits.get(scene.host, visit.id)).state is VisitState.NO_SHOW
