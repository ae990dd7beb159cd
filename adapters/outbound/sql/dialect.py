"""Everything in which Postgres and SQLite differ: engines, the tenant of a transaction, locks, what an error means."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, cast
from uuid import UUID

from sqlalchemy import Connection, Executable, Select, Table, event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from adapters.outbound.sql import sqlite_reads
from adapters.outbound.sql.compiled import compiled, driver_of, insert
from adapters.outbound.sql.fastreads import FastReads
from adapters.outbound.sql.meaning import Contended, meaning
from adapters.outbound.sql.postgres_url import dsn
from adapters.outbound.sql.settings import Settings
from ports.unit_of_work import InFlight, StoreUnavailable
from shared.canonical import tagged_hash

TENANT = "concordat_tenant"
"""Execution option with the club that a transaction belongs to."""

READING = "concordat_reading"
"""Execution option of a transaction that only reads."""


# The driver and nothing else: asyncpg reads the URL itself, here as where SQLAlchemy is not asked.
_ASYNCPG = "postgresql+asyncpg://"


class Dialect(Protocol):
    """One database engine."""

    name: str

    def engine(self, settings: Settings) -> AsyncEngine: ...

    def transaction(self, engine: AsyncEngine, tenant: UUID | None, once: str | None = None) -> "AsyncTransaction":
        """A transaction of this tenant; holds the lock named `once` meanwhile, or raises InFlight."""

    def reading(self, engine: AsyncEngine, tenant: UUID | None) -> "AsyncTransaction":
        """A transaction of this tenant that only reads, and waits for no writer."""

    def snapshot(self, engine: AsyncEngine, tenant: UUID | None) -> "AsyncTransaction":
        """A reading transaction that sees one instant, however long it lasts, and reads text that is none."""

    async def tuples(
        self, connection: AsyncConnection, statement: Select[Any], given: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        """The rows of a statement whose columns have no types, as they come from the driver."""

    async def rows(
        self, engine: AsyncEngine, tenant: UUID | None, statement: Select[Any], given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        """The rows of one statement, in a reading transaction of its own."""

    async def fetch(
        self, connection: AsyncConnection, statement: Executable, given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        """The rows of a statement inside a transaction."""

    async def change(self, connection: AsyncConnection, statement: Executable, given: Mapping[str, Any]) -> int:
        """How many rows an UPDATE or a DELETE changed inside a transaction."""

    async def insert(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, all of the same columns; nothing is returned. A broken constraint raises IntegrityError."""

    async def close(self, engine: AsyncEngine) -> None: ...

    async def lock(self, connection: AsyncConnection, name: str) -> None:
        """Wait for a named lock, held until the transaction ends."""

    async def try_lock(self, connection: AsyncConnection, name: str) -> bool:
        """The named lock if it is free, held until the transaction ends."""


class AsyncTransaction(Protocol):
    """The context manager that `transaction` gives."""

    async def __aenter__(self) -> AsyncConnection: ...
    async def __aexit__(self, *error: Any) -> bool | None: ...


def dialect_of(url: str) -> Dialect:
    """The engine that `url` names; raises ValueError for one that is not supported."""
    backend = make_url(url).get_backend_name()
    if backend == "postgresql":
        return Postgres()
    if backend == "sqlite":
        return Sqlite()
    raise ValueError(f"a database URL starts with sqlite:// or postgresql://, not {backend}://")


def owners_engine(url: str) -> AsyncEngine:
    """For whoever owns a Postgres: migrating and rewriting take as long as they take."""
    return create_async_engine(_ASYNCPG, connect_args={"dsn": dsn(url)})


class Postgres:
    """Postgres through asyncpg: row-level security by the tenant of the transaction, advisory locks."""

    name = "postgresql"
    _fast: FastReads

    def engine(self, settings: Settings) -> AsyncEngine:
        """Sessions carry the timeouts; each transaction begins by naming its tenant, so that it cannot be forgotten."""
        milliseconds = {
            "statement_timeout": settings.statement_timeout_seconds,
            "lock_timeout": settings.lock_timeout_seconds,
            "idle_in_transaction_session_timeout": settings.idle_in_transaction_timeout_seconds,
        }
        timeouts = {name: str(int(value * 1000)) for name, value in milliseconds.items()}
        session = {"application_name": "concordat", "jit": "off", **timeouts}
        engine = create_async_engine(
            _ASYNCPG,
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=settings.acquire_timeout_seconds,
            hide_parameters=True,
            connect_args={
                "dsn": dsn(settings.url),
                "server_settings": session,
                "command_timeout": settings.statement_timeout_seconds + 1,
                "timeout": 5,
            },
        )
        event.listen(engine.sync_engine, "begin", _name_tenant)
        self._fast = FastReads(settings, session)
        return engine

    @asynccontextmanager
    async def transaction(
        self, engine: AsyncEngine, tenant: UUID | None, once: str | None = None
    ) -> AsyncIterator[AsyncConnection]:
        async with meaning(), engine.connect() as connection:
            # In place and at once: an option that is ours alone needs no word with the server.
            cast(Connection, connection.sync_connection).execution_options(**{TENANT: tenant})
            async with connection.begin():
                if once is not None and not await self.try_lock(connection, once):
                    raise InFlight
                yield connection

    def reading(self, engine: AsyncEngine, tenant: UUID | None) -> AsyncTransaction:
        return self.transaction(engine, tenant)

    @asynccontextmanager
    async def snapshot(self, engine: AsyncEngine, tenant: UUID | None) -> AsyncIterator[AsyncConnection]:
        options = {TENANT: tenant, "isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        async with meaning(), engine.connect() as plain:
            connection = await plain.execution_options(**options)
            async with connection.begin():
                yield connection

    async def tuples(
        self, connection: AsyncConnection, statement: Select[Any], given: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        one = compiled(statement)
        if one is not None:
            return await one.tuples(driver_of(connection), given)
        rows: Sequence[Any] = (await connection.execute(statement, dict(given))).all()
        return rows

    async def rows(
        self, engine: AsyncEngine, tenant: UUID | None, statement: Select[Any], given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        async with meaning():
            return await self._fast.rows(statement, tenant, given)

    async def fetch(
        self, connection: AsyncConnection, statement: Executable, given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        one = compiled(statement)
        return await (_fetch(connection, statement, given) if one is None else one.fetch(driver_of(connection), given))

    async def change(self, connection: AsyncConnection, statement: Executable, given: Mapping[str, Any]) -> int:
        one = compiled(statement)
        return await (
            _change(connection, statement, given) if one is None else one.change(driver_of(connection), given)
        )

    async def insert(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        await insert(driver_of(connection), table, rows)

    async def close(self, engine: AsyncEngine) -> None:
        await self._fast.close()
        await engine.dispose()

    async def lock(self, connection: AsyncConnection, name: str) -> None:
        await driver_of(connection).execute("SELECT pg_advisory_xact_lock($1)", _lock_number(name))

    async def try_lock(self, connection: AsyncConnection, name: str) -> bool:
        return bool(await driver_of(connection).fetchval("SELECT pg_try_advisory_xact_lock($1)", _lock_number(name)))


class Sqlite:
    """SQLite through aiosqlite: one process, one writer at a time; its transactions take the write lock at once."""

    name = "sqlite"
    _patience_seconds: float

    def __init__(self) -> None:
        self._writer = asyncio.Lock()
        self._held: set[str] = set()

    def engine(self, settings: Settings) -> AsyncEngine:
        self._patience_seconds = settings.lock_timeout_seconds
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

    @asynccontextmanager
    async def transaction(
        self, engine: AsyncEngine, tenant: UUID | None, once: str | None = None
    ) -> AsyncIterator[AsyncConnection]:
        if once is not None:
            if once in self._held:
                raise InFlight
            self._held.add(once)
        try:
            async with self._alone(), meaning(), engine.connect() as plain:
                connection = await plain.execution_options(**{TENANT: tenant})
                async with connection.begin():
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
    async def reading(self, engine: AsyncEngine, tenant: UUID | None) -> AsyncIterator[AsyncConnection]:
        if isinstance(engine.pool, StaticPool):
            async with self.transaction(engine, tenant) as connection:
                yield connection
            return
        async with meaning(), engine.connect() as plain:
            connection = await plain.execution_options(**{TENANT: tenant, READING: True})
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def snapshot(self, engine: AsyncEngine, tenant: UUID | None) -> AsyncIterator[AsyncConnection]:
        # Every reading transaction sees one instant already; but a text that is no UTF-8 would end it with an error.
        async with self.reading(engine, tenant) as connection:
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
        self, engine: AsyncEngine, tenant: UUID | None, statement: Select[Any], given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        async with self.reading(engine, tenant) as connection:
            return await _fetch(connection, statement, given)

    async def fetch(
        self, connection: AsyncConnection, statement: Executable, given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        return await _fetch(connection, statement, given)

    async def change(self, connection: AsyncConnection, statement: Executable, given: Mapping[str, Any]) -> int:
        return await _change(connection, statement, given)

    async def insert(self, connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        await connection.execute(table.insert(), [dict(row) for row in rows])

    async def close(self, engine: AsyncEngine) -> None:
        await engine.dispose()

    async def lock(self, connection: AsyncConnection, name: str) -> None:
        """The write transaction excludes every other one already."""

    async def try_lock(self, connection: AsyncConnection, name: str) -> bool:
        """The write transaction excludes every other one already."""
        return True


def _name_tenant(connection: Connection) -> None:
    options = connection.get_execution_options()
    if TENANT not in options:
        raise RuntimeError("a transaction was opened without naming its tenant")
    tenant = options[TENANT]
    # Through the engine, unlike the statements that follow: it empties the pool when the server turns out to be gone.
    connection.exec_driver_sql(
        "SELECT set_config('app.club_id', $1, true)", (str(tenant) if tenant is not None else "",)
    )


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
    connection.exec_driver_sql("BEGIN" if READING in connection.get_execution_options() else "BEGIN IMMEDIATE")


def _any_text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


async def _fetch(
    connection: AsyncConnection, statement: Executable, given: Mapping[str, Any]
) -> Sequence[Mapping[str, Any]]:
    rows: Sequence[Any] = (await connection.execute(statement, dict(given))).mappings().all()
    return rows


async def _change(connection: AsyncConnection, statement: Executable, given: Mapping[str, Any]) -> int:
    return (await connection.execute(statement, dict(given))).rowcount


def _lock_number(name: str) -> int:
    return int.from_bytes(tagged_hash("concordat/lock/v1", name.encode())[:8], "big", signed=True)
