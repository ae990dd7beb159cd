"""Agreements end when their time has come, whatever happens in other clubs."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest

from adapters.inbound.jobs.conclusion import Conclusion
from adapters.inbound.jobs.trouble import teller
from app.workers import Trouble, Turns
from core.clubs.agreement_states import AgreementState
from ports.caller import Caller
from ports.clubs import ClubsTx
from ports.unit_of_work import Begin
from shared.errors import Unavailable
from shared.paging import PageRequest
from tests.support.databases import MEMORY
from tests.support.scenes import agree, found
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
    turns = Turns(now=world.clock, tell=teller("conclude"))
    conclusion = Conclusion(conclude=world.clubs.agreements.conclude, backlog=world.backlog, turns=turns)
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
    told: list[tuple[UUID, Trouble | None]] = []
    turns = Turns(now=world.clock, tell=lambda club, trouble: told.append((club, trouble)))
    await Conclusion(conclude=closed.conclude, backlog=world.backlog, turns=turns).tick()
    ((club, trouble),) = told
    assert club == troubled and trouble is not None and isinstance(trouble.error, Unavailable)
    assert await states(world, other) == [AgreementState.TERMINATED]
    assert await states(world, troubled) == [AgreementState.ACTIVE]
