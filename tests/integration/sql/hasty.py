"""Planted bugs: how use cases go wrong when they decide before they have the lock that makes others wait."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import bindparam, delete, select

from adapters.outbound.sql.aggregates import SqlAggregates
from adapters.outbound.sql.clubs import SqlClubs, SqlClubsTx, SqlMembers
from adapters.outbound.sql.database import TENANT, Session, mine
from adapters.outbound.sql.schema import answer
from adapters.outbound.sql.visits import SqlGrants, SqlVisits, standing_grant, visit
from core.clubs.club import Club
from core.clubs.member import Member
from core.clubs.visit import Visit
from core.clubs.visit_states import VisitState
from ports.caller import Caller
from ports.clubs import ClubsTx, Grant
from shared.events import Aggregate
from tests.support.world import World

A = TypeVar("A", bound=Aggregate)
Gate = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Purge:
    """Remembers which keys are old, and deletes whatever stands under them later."""

    world: World
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    used: asyncio.Event = field(default_factory=asyncio.Event)

    async def tick(self) -> None:
        clubs = [entry.club for entry in await self.world.backlog.directory()]
        old = {club: await self._keys(club) for club in clubs}
        self.looked.set()
        await self.used.wait()
        for club, keys in old.items():
            async with self.world.database.transaction(club) as session:
                await session.change(delete(answer).where(answer.c.key.in_(keys), mine(answer)))

    async def _keys(self, club: UUID) -> list[str]:
        before = self.world.clock() - timedelta(hours=24)
        async with self.world.database.reading(club) as session:
            rows = await session.all(select(answer.c.key).where(answer.c.at < before, mine(answer)))
        return [row["key"] for row in rows]


@dataclass(frozen=True, slots=True)
class Hasty:
    """Transactions that decide by what stood there before `gate` opened, and take their locks only then."""

    world: World
    gate: Gate

    @asynccontextmanager
    async def __call__(self, caller: Caller) -> AsyncIterator[ClubsTx]:
        database = self.world.database
        async with database.snapshot(caller.of_club) as before:
            # What a snapshot shows is fixed by its first statement.
            await SqlClubs(before).entry(caller.of_club)
            await SqlClubsTx(before, caller).open()
            await self.gate()
            async with database.transaction(caller.of_club) as session:
                tx = HastyTx(session, caller, before)
                yield tx
                await tx.close()


class HastyTx(SqlClubsTx):
    def __init__(self, session: Session, caller: Caller, before: Session) -> None:
        super().__init__(session, caller)
        self._before = before

    @property
    def clubs(self) -> SqlClubs:
        return _Clubs(self.session, self._before)

    @property
    def visits(self) -> SqlVisits:
        return _Visits(self.session, self._before)

    @property
    def grants(self) -> SqlGrants:
        return _Grants(self.session, self._before)


class _Clubs(SqlClubs):
    def __init__(self, session: Session, before: Session) -> None:
        super().__init__(session)
        self._before = SqlClubs(before)

    async def get(self, key: Any) -> Club:
        return await _unlocked(self._before, key)


class _Visits(SqlVisits):
    def __init__(self, session: Session, before: Session) -> None:
        super().__init__(session)
        self._before = SqlVisits(before)

    async def get(self, key: Any) -> Visit:
        return await _unlocked(self._before, key)

    async def consumed(
        self, agreement_id: UUID, member_ref: UUID, states: frozenset[VisitState], *, but: UUID
    ) -> Sequence[date]:
        return await self._before.consumed(agreement_id, member_ref, states, but=but)

    async def of_member(self, member_ref: UUID) -> Sequence[Visit]:
        return await self._before.where(visit.c.member_ref == bindparam("of_ref"), of_ref=member_ref)


class _Grants(SqlGrants):
    def __init__(self, session: Session, before: Session) -> None:
        super().__init__(session)
        self._before = before

    async def of_member(self, member_ref: UUID) -> Sequence[Grant]:
        columns = standing_grant.c
        statement = select(standing_grant).where(columns.member_ref == bindparam("ref"), columns.home_club == TENANT)
        return [Grant(**row) for row in await self._before.all(statement, ref=member_ref)]


async def _unlocked(before: SqlAggregates[A], key: UUID) -> A:
    (found,) = await before.where(before.mapped.table.c.id == bindparam("of_id"), of_id=key)
    return found


class Unmarked(SqlClubsTx):
    """What is given once is not written down where a second one would be noticed."""

    @property
    def clubs(self) -> SqlClubs:
        return _UnmarkedClubs(self.session)

    @property
    def members(self) -> SqlMembers:
        return _UnmarkedMembers(self.session)


class _UnmarkedClubs(SqlClubs):
    async def found(self, aggregate: Club, origin: str) -> None:
        await super().found(aggregate, origin.replace(aggregate.slug, aggregate.id.hex))


class _UnmarkedMembers(SqlMembers):
    async def add(self, aggregate: Member) -> None:
        await SqlAggregates.add(self, aggregate)


class Unheld(SqlClubsTx):
    """Nobody waits for whoever decides on a member."""

    @property
    def visits(self) -> SqlVisits:
        return _UnheldVisits(self.session)


class _UnheldVisits(SqlVisits):
    async def hold(self, member_ref: UUID) -> None:
        return
