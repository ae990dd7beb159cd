"""The whole system in the test's own process: the product's wiring over a given database, with its clock and ids."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from adapters.inbound.jobs.pipeline import Pipeline
from adapters.outbound.sql.clubs import SqlClubsTx
from adapters.outbound.sql.database import Database
from adapters.outbound.sql.log import SqlLogTx
from adapters.outbound.sql.tables import metadata
from adapters.outbound.sql.unit_of_work import SqlBegin
from app.purge import Purge
from app.relay import Relay
from app.workers import Trouble
from concordat.builders import build_allow, build_secrets
from concordat.container import System, running
from concordat.modules import all_modules
from concordat.modules.clubs import ClubsUseCases
from concordat.modules.log import LogUseCases
from concordat.settings import load
from ports.authoriser import Allow
from ports.bus import Bus
from ports.caller import Caller
from ports.ledger import Ledger
from ports.log import Backlog
from ports.parking import Parking
from ports.reader import Reader
from ports.unit_of_work import Leftovers
from shared.ids import id_from
from tests.support.databases import MEMORY, sqlite_of
from tests.support.predicate import watch

START = datetime(2026, 3, 12, 9, 30, tzinfo=UTC)
TODAY = date(2026, 3, 12)
PATIENT: dict[str, Any] = {"acquire_timeout_seconds": 30, "lock_timeout_seconds": 30}
"""For tests that ask what happens, not how fast: a slow machine gives the same answers."""
"""The day of `START` wherever the clubs of the scenes are."""


class Clock:
    """Goes on by a millisecond with every look, so that nothing happens twice at once, and otherwise when told."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def __call__(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now

    def forward(self, **delta: float) -> None:
        self._now += timedelta(**delta)


class Ids:
    """UUIDv7 in rising order, unlike those of any other world on the same database."""

    def __init__(self) -> None:
        self._milliseconds = int(START.timestamp() * 1000)

    def __call__(self) -> UUID:
        self._milliseconds += 1
        return id_from(self._milliseconds.to_bytes(6, "big") + secrets.token_bytes(10))


@dataclass(frozen=True, kw_only=True)
class World:
    """A running system. Nothing runs by itself: tests drive relay and pipeline turn by turn."""

    system: System
    clock: Clock
    new_id: Ids
    clubs: ClubsUseCases
    log: LogUseCases
    relay: Relay
    purge: Purge

    @property
    def database(self) -> Database:
        return self.system.database

    @property
    def read(self) -> Reader:
        return self.system.infrastructure.read

    @property
    def backlog(self) -> Backlog:
        return self.system.infrastructure.backlog

    @property
    def bus(self) -> Bus:
        return self.system.infrastructure.bus

    @property
    def ledger(self) -> Ledger:
        return self.system.infrastructure.ledger

    @property
    def pipeline(self) -> Pipeline:
        return self.log.workers.pipeline

    @property
    def begin(self) -> SqlBegin[SqlClubsTx]:
        return self.system.infrastructure.begin(SqlClubsTx)

    @property
    def begin_log(self) -> SqlBegin[SqlLogTx]:
        return self.system.infrastructure.begin(SqlLogTx)

    @property
    def look(self) -> SqlBegin[SqlLogTx]:
        return self.system.infrastructure.look(SqlLogTx)

    @property
    def parking(self) -> Parking:
        return self.system.infrastructure.parking

    @property
    def leftovers(self) -> Leftovers:
        return self.purge.leftovers

    async def settle(self) -> None:
        """One turn of every worker of the log: what is recorded becomes leaves, a checkpoint, an anchor.

        Raises what befell a club's turn, which the workers would only tell of.
        """
        await self.pipeline.integrate()
        await self.pipeline.sign()
        await self.pipeline.anchor()
        for trouble in self.troubled.values():
            raise trouble.error

    @property
    def troubled(self) -> dict[UUID, Trouble]:
        """The clubs whose last turn of a worker of the log failed."""
        parts = self.pipeline
        turns = (parts.integrator.turns, parts.signer.turns, parts.anchorer.turns, parts.anchorer.settling)
        return {club: trouble for each in turns for club, trouble in each.troubled.items()}


def caller(club: UUID | None, principal: str = "ann", **more: Any) -> Caller:
    """Somebody of a club; worlds let everybody do everything, unless they are opened with the product's authoriser."""
    return Caller(principal=principal, club=club, roles=frozenset(), request_id="test", **more)


def products_own() -> Allow:
    """The product's permissions for whoever comes over an edge; scenes are still set by anybody."""
    allow = build_allow(_modules())

    def product(caller: Caller, permission: str) -> None:
        if caller.request_id != "test":
            allow(caller, permission)

    return product


@cache
def _modules() -> Any:
    """Looked for once: it takes longer than everything else that a world needs."""
    return all_modules()


@cache
def _tables() -> tuple[str, ...]:
    """What makes the tables of a database in memory."""
    dialect = sqlite.dialect()
    tables = [str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables]
    indexes = [
        index for table in metadata.sorted_tables for index in sorted(table.indexes, key=lambda one: str(one.name))
    ]
    return (*tables, *(str(CreateIndex(index).compile(dialect=dialect)) for index in indexes))


@asynccontextmanager
async def world_at(
    url: str, folder: Path, *, overrides: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[World]:
    """A world over a migrated database, its ledger, secrets and publication in `folder`; every statement is watched.

    `overrides` names providers of the container, `settings` are those of the product.
    """
    clock, new_id = Clock(), Ids()
    usual = {"now": clock, "new_id": new_id, "allow": lambda _caller, _permission: None, "modules": _modules()}
    given = {**usual, **(overrides or {})}
    told = load(profile="local", data_folder=folder, database_url=url, **settings)
    # Worlds share databases, and each has keys of its own: to the product, all but the first would have lost them.
    given.setdefault("secrets", build_secrets(told))
    async with running(told, given) as system:
        watch(system.database)
        if url == MEMORY:
            async with sqlite_of(system.database).begin() as connection:
                for statement in _tables():
                    await connection.exec_driver_sql(statement)
        built = {one.module.name: one.use_cases for one in system.modules}
        yield World(
            system=system,
            clock=given["now"],
            new_id=given["new_id"],
            clubs=built["clubs"],
            log=built["log"],
            relay=built["platform"].relay,
            purge=built["platform"].purge,
        )
