"""What time does to agreements over real storage: what failed stops nothing else, and nothing due writes nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.outbound.sql.clubs import SqlAgreements, SqlClubsTx
from app.clubs.agreements import AcceptTerms, ChangeTerms
from core.clubs.agreement import Agreement
from core.clubs.agreement_states import AgreementState
from ports.caller import Caller
from ports.clubs import ClubsTx
from ports.unit_of_work import Begin
from tests.support.databases import MEMORY
from tests.support.scenes import agree, found, terms
from tests.support.world import World, caller, world_at

UNTIL = date(2026, 4, 1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(MEMORY, tmp_path) as world:
        yield world


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Agreements of one proposer that all end on the same day, which has come."""

    world: World
    proposer: Caller
    partners: tuple[Caller, ...]
    keys: tuple[UUID, ...]

    async def states(self) -> list[AgreementState]:
        agreements = self.world.clubs.agreements
        return [(await agreements.get(self.proposer, key)).state for key in self.keys]


@pytest.fixture
async def ending(world: World) -> Ending:
    proposer = caller((await found(world)).id)
    partners = tuple([caller((await found(world, "summit")).id) for _ in range(3)])
    agreed = [await agree(world, proposer, partner, terms(effective_until=UNTIL)) for partner in partners]
    world.clock.forward(days=60)
    return Ending(world=world, proposer=proposer, partners=partners, keys=tuple(one.id for one in agreed))


class Broken(Exception):
    """What is wrong with one agreement."""


def but_for(world: World, broken: UUID) -> Begin[Any]:
    """Transactions in which one agreement cannot be saved."""

    class Agreements(SqlAgreements):
        async def save(self, aggregate: Agreement) -> None:
            if aggregate.id == broken:
                raise Broken
            await super().save(aggregate)

    class Tx(SqlClubsTx):
        @property
        def agreements(self) -> SqlAgreements:
            return Agreements(self.session)

    return world.system.infrastructure.begin(Tx)


async def test_an_agreement_that_cannot_end_is_told_and_keeps_no_other_waiting(ending: Ending) -> None:
    agreements = ending.world.clubs.agreements
    with pytest.raises(Broken):
        await replace(agreements, begin=but_for(ending.world, ending.keys[0])).conclude(ending.proposer.of_club)
    assert await ending.states() == [AgreementState.ACTIVE, AgreementState.EXPIRED, AgreementState.EXPIRED]
    assert await agreements.conclude(ending.proposer.of_club) == 1


@dataclass
class Before:
    """Transactions before the first of which somebody does something."""

    begin: Begin[ClubsTx]
    act: Callable[[], Awaitable[object]]
    begun: int = 0

    @asynccontextmanager
    async def __call__(self, caller: Caller) -> AsyncIterator[ClubsTx]:
        self.begun += 1
        if self.begun == 1:
            await self.act()
        async with self.begin(caller) as tx:
            yield tx


async def test_what_somebody_did_first_stands_and_is_no_error(ending: Ending) -> None:
    agreements, (key, *_), (partner, *_) = ending.world.clubs.agreements, ending.keys, ending.partners

    async def prolong() -> None:
        amended = await agreements.amend(ending.proposer, key, ChangeTerms(terms=terms(effective_until=None)))
        await agreements.accept(partner, key, AcceptTerms(terms_hash=amended.versions[-1].hash))

    quicker = replace(agreements, begin=Before(agreements.begin, prolong))
    assert await quicker.conclude(ending.proposer.of_club) == 2
    assert await ending.states() == [AgreementState.ACTIVE, AgreementState.EXPIRED, AgreementState.EXPIRED]


async def test_a_second_worker_that_was_quicker_is_no_error(ending: Ending) -> None:
    agreements, club = ending.world.clubs.agreements, ending.proposer.of_club
    second = replace(agreements, begin=Before(agreements.begin, lambda: agreements.conclude(club)))
    assert await second.conclude(club) == 0
    assert await ending.states() == [AgreementState.EXPIRED] * 3


async def test_nothing_due_begins_no_transaction_that_writes(world: World) -> None:
    proposer, partner = caller((await found(world)).id), caller((await found(world, "summit")).id)
    await agree(world, proposer, partner)
    agreements = world.clubs.agreements

    async def nothing() -> None:
        return None

    begin = Before(agreements.begin, nothing)
    assert await replace(agreements, begin=begin).conclude(proposer.of_club) == 0
    assert begin.begun == 0
