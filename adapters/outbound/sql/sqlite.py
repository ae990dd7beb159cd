"""SQLite through aiosqlite and SQLAlchemy's engine."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Executable, Select, Table, event
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from adapters.outbound.sql import sqlite_reads
from adapters.outbound.sql.meaning import Contended, meaning
from adapters.outbound.sql.settings import Settings
from adapters.outbound.sql.upserts import keeping, overwriting
from ports.unit_of_work import InFlight, StoreUnavailable

_READING = "concordat_reading"
"""Execution option of a transaction that only reads."""


class Sqlite:
    """Implements Dialect. One process, one writer at a time: its transactions take the write lock at once."""

    name = "sqlite"

    def __init__(self, settings: Settings) -> None:
        self.engine = sqlite_engine(settings)
        self._patience_seconds = settings.lock_timeout_seconds
        self._writer = asyncio.Lock()
        self._held: set[str] = set()

    @asynccontextmanager
    async def transaction(self, tenant: UUID | None, once: str | None = None) -> AsyncIterator[AsyncConnection]:
        if once is not None:
            if once in self._held:
                raise InFlight
            self._held.add(once)
        try:
            async with self._alone(), meaning(), self.engine.connect() as connection, connection.begin():
                yield connection
        finally:
            if once is not None:
                self._held.discard(once)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Be the one writer; whoever has waited as long as for any lock is told to come again."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._writer.acquire()
        except TimeoutError as error:
            raise Contended from error
        try:
            yield
        finally:
            self._writer.release()

    @asynccontextmanager
    async def reading(self, tenant: UUID | None) -> AsyncIterator[AsyncConnection]:
        if isinstance(self.engine.pool, StaticPool):
            async with self.transaction(tenant) as connection:
                yield connection
            return
        async with meaning(), self.engine.connect() as plain:
            connection = await plain.execution_options(**{_READING: True})
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def snapshot(self, tenant: UUID | None) -> AsyncIterator[AsyncConnection]:
        # Every reading transaction sees one instant already; but a text that is no UTF-8 would end it with an error.
        async with self.reading(tenant) as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            usual, driver.text_factory = driver.text_factory, _any_text
            try:
                yield connection
            finally:
                driver.text_factory = usual

    async def tuples(
        self, connection: AsyncConnection, statement: Select[Any], given: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        try:
            return await sqlite_reads.read(connection, statement, given)
        except sqlite3.Error as error:
            raise StoreUnavailable(reason=str(error)) from error

    async def rows(
        self, tenant: UUID | None, statement: Select[Any], given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        async with self.reading(tenant) as connection:
            return await self.fetch(connection, statement, given)

    async def fetch(
        self, connection: AsyncConnection, statement: Executable, given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        rows: Sequence[Any] = (await connection.execute(statement, dict(given))).mappings().all()
        return rows

    async def change(self, connection: AsyncConnection, statement: Executable, given: Mapping[str, Any]) -> int:
        return (await connection.execute(statement, dict(given))).rowcount

    async def insert(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        await connection.execute(table.insert(), [dict(row) for row in rows])

    async def insert_new(self, connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
        return (await connection.execute(keeping(Insert, table), dict(row))).rowcount == 1

    async def upsert(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        await connection.execute(overwriting(Insert, table), [dict(row) for row in rows])

    async def lock(self, connection: AsyncConnection, name: str) -> None:
        """The write transaction excludes every other one already."""

    async def try_lock(self, connection: AsyncConnection, name: str) -> bool:
        """The write transaction excludes every other one already."""
        return True

    async def close(self) -> None:
        await self.engine.dispose()


def sqlite_engine(settings: Settings) -> AsyncEngine:
    """Begins as it is told: by itself the driver would leave behind the tables of a migration that failed."""
    url = make_url(settings.url).set(drivername="sqlite+aiosqlite")
    if url.database in (None, "", ":memory:"):
        engine = create_async_engine(
            url, poolclass=StaticPool, hide_parameters=True, connect_args={"check_same_thread": False}
        )
    else:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(
            url,
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=settings.acquire_timeout_seconds,
            hide_parameters=True,
            connect_args={"timeout": settings.lock_timeout_seconds},
        )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if _READING in connection.get_execution_options() else "BEGIN IMMEDIATE")


def _any_text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
