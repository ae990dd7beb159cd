"""Postgres through asyncpg itself: row-level security by the tenant of the transaction, advisory locks.

SQLAlchemy writes the statements, and neither lends connections nor executes: that cost as much as everything else that
a request does here. `benchmarks` holds the comparison.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Executable, Select, Table
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.outbound.sql.compiled import Driver, bulk_insertion, compiled, insertion, keeping_insertion, upsertion
from adapters.outbound.sql.meaning import meaning
from adapters.outbound.sql.postgres_url import dsn
from adapters.outbound.sql.settings import Settings
from ports.unit_of_work import InFlight, StoreUnavailable
from shared.canonical import tagged_hash

MANY = 50
"""From so many rows on, they are inserted as columns: below, a statement for each costs less than the arrays."""

_CONNECT_SECONDS = 5
_CLOSE_SECONDS = 1


def owners_engine(url: str) -> AsyncEngine:
    """For whoever owns a Postgres: migrating and rewriting take as long as they take."""
    # The driver and nothing else: asyncpg reads the URL itself, here as where SQLAlchemy is not asked.
    return create_async_engine("postgresql+asyncpg://", connect_args={"dsn": dsn(url)})


class Postgres:
    """Implements Dialect. Connections are opened when they are needed; each transaction begins by naming its tenant."""

    name = "postgresql"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()
        self._in_use = 0

    @asynccontextmanager
    async def transaction(self, tenant: UUID | None, once: str | None = None) -> AsyncIterator[Driver]:
        async with self._begun("BEGIN", tenant) as driver:
            if once is not None and not await self.try_lock(driver, once):
                raise InFlight
            yield driver

    def reading(self, tenant: UUID | None) -> AbstractAsyncContextManager[Driver]:
        return self._begun("BEGIN READ ONLY", tenant)

    def snapshot(self, tenant: UUID | None) -> AbstractAsyncContextManager[Driver]:
        return self._begun("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", tenant)

    @asynccontextmanager
    async def _begun(self, begin: str, tenant: UUID | None) -> AsyncIterator[Driver]:
        async with meaning():
            pool = self._pool or await self._open()
            driver = await self._lent(pool)
            try:
                # One round trip: a UUID or nothing goes into the text, so there is nothing to escape.
                name = "" if tenant is None else str(tenant)
                await driver.execute(f"{begin}; SELECT set_config('app.club_id', '{name}', true)")
                yield driver
                ended = await driver.execute("COMMIT")
            except BaseException:
                await _roll_back(driver)
                raise
            finally:
                try:
                    await pool.release(driver)
                finally:
                    # Not before: until then a statement that was given up may hold it.
                    self._in_use -= 1
            if ended != "COMMIT":
                # Postgres rolls back what a failed statement has spoilt, and calls it no error.
                raise RuntimeError("a transaction went on after one of its statements had failed")

    async def _lent(self, pool: "asyncpg.Pool[asyncpg.Record]") -> Driver:
        # With a timeout the driver makes a task of it, for which there is no need where nobody waits.
        free = self._in_use < self._settings.pool_size
        self._in_use += 1
        try:
            return await pool.acquire(timeout=None if free else self._settings.acquire_timeout_seconds)
        except BaseException as error:
            self._in_use -= 1
            if isinstance(error, TimeoutError) and not free:
                raise StoreUnavailable(reason="no connection was free in time") from error
            raise

    async def tuples(
        self, connection: Driver, statement: Select[Any], given: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        return await compiled(statement).tuples(connection, given)

    async def rows(
        self, tenant: UUID | None, statement: Select[Any], given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        async with self.reading(tenant) as driver:
            return await compiled(statement).fetch(driver, given)

    async def fetch(
        self, connection: Driver, statement: Executable, given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        return await compiled(statement).fetch(connection, given)

    async def change(self, connection: Driver, statement: Executable, given: Mapping[str, Any]) -> int:
        return await compiled(statement).change(connection, given)

    async def insert(self, connection: Driver, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        names = tuple(rows[0])
        if len(rows) == 1:
            await insertion(table, names).change(connection, rows[0])
        elif len(rows) < MANY:
            await insertion(table, names).each(connection, rows)
        else:
            columns = {name: [row[name] for row in rows] for name in names}
            await bulk_insertion(table, names).change(connection, columns)

    async def insert_new(self, connection: Driver, table: Table, row: Mapping[str, Any]) -> bool:
        return await keeping_insertion(table, tuple(row)).change(connection, row) == 1

    async def upsert(self, connection: Driver, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        await upsertion(table, tuple(rows[0])).each(connection, rows)

    async def lock(self, connection: Driver, name: str) -> None:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _lock_number(name))

    async def try_lock(self, connection: Driver, name: str) -> bool:
        return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _lock_number(name)))

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            # It waits for who is in a transaction still; whoever outlasts this is cut off.
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await pool.close()

    async def _open(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    dsn(self._settings.url),
                    # Whoever needs a connection connects: nobody waits for one that somebody else tries to get.
                    min_size=0,
                    max_size=self._settings.pool_size,
                    reset=_as_it_came,
                    timeout=_CONNECT_SECONDS,
                    command_timeout=self._settings.statement_timeout_seconds + 1,
                    server_settings=_session(self._settings),
                )
            return self._pool


def _session(settings: Settings) -> dict[str, str]:
    """What every session is told when it begins. Nothing else outlives a transaction, so nothing is reset between."""
    milliseconds = {
        "statement_timeout": settings.statement_timeout_seconds,
        "lock_timeout": settings.lock_timeout_seconds,
        "idle_in_transaction_session_timeout": settings.idle_in_transaction_timeout_seconds,
    }
    timeouts = {name: str(int(value * 1000)) for name, value in milliseconds.items()}
    return {"application_name": "concordat", "jit": "off", **timeouts}


async def _roll_back(driver: Driver) -> None:
    """What went wrong before is what is told; a connection on which this goes wrong too is not used again.

    Also where nothing seems to have begun: the driver does not know yet what became of a BEGIN that was given up.
    """
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        await driver.execute("ROLLBACK")


async def _as_it_came(_driver: Driver) -> None:
    """In the place of the driver's own way to reset a connection, which costs a round trip."""


def _lock_number(name: str) -> int:
    return int.from_bytes(tagged_hash("concordat/lock/v1", name.encode())[:8], "big", signed=True)
