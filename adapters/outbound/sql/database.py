"""One database as the adapter uses it: engine, dialect, the values its transactions need, and the club predicate."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, Select, Table, Uuid, and_, bindparam, or_, select, text, true

from adapters.outbound.sql import schema
from adapters.outbound.sql.dialect import Connection, dialect_of
from adapters.outbound.sql.settings import Settings
from ports.unit_of_work import Missing
from shared.clock import Now
from shared.ids import NewId

TENANT = bindparam("tenant", type_=Uuid())
"""The club of the transaction, as a parameter of every statement over a club's table."""

_ORIGIN = select(schema.directory.c.origin).where(schema.directory.c.club == bindparam("club"))


def mine(table: Table) -> ColumnElement[bool]:
    """The club predicate of a table: every statement over it carries this, on both engines."""
    whose: list[ColumnElement[bool]] = [table.c[party] == TENANT for party in table.info["parties"]]
    return and_(or_(*whose), table.info.get("shown", true()))


def everyones(table: Table) -> ColumnElement[bool]:
    """The predicate of a table that may be read across clubs: every row, for whoever acts for no club at all."""
    return or_(mine(table), TENANT.is_(None))


class Database:
    """Shared by every transaction of the process. `random_bytes` gives the salts of records."""

    def __init__(
        self, settings: Settings, *, now: Now, new_id: NewId, random_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self.dialect = dialect_of(settings)
        self.now = now
        self.new_id = new_id
        self.random_bytes = random_bytes
        self.origins: dict[UUID, str] = {}
        """Committed origins of logs by club: they are fixed for ever."""

    def transaction(self, club: UUID | None, once: str | None = None) -> AbstractAsyncContextManager["Session"]:
        """A transaction that writes, as this club."""
        return _Opened(self, self.dialect.transaction(club, once), club)

    def reading(self, club: UUID | None) -> AbstractAsyncContextManager["Session"]:
        """A transaction that only reads, as this club."""
        return _Opened(self, self.dialect.reading(club), club)

    def snapshot(self, club: UUID | None) -> AbstractAsyncContextManager["Session"]:
        """A transaction that only reads, as this club, and sees one instant."""
        return _Opened(self, self.dialect.snapshot(club), club)

    async def rows(self, club: UUID | None, statement: Select[Any], **given: Any) -> Sequence[Mapping[str, Any]]:
        """The rows of one statement, read as this club."""
        return await self.dialect.rows(club, statement, {TENANT.key: club, **given})

    async def close(self) -> None:
        await self.dialect.close()


class Session:
    """A connection inside a transaction, as one club: every statement that it runs is given the tenant."""

    def __init__(self, database: Database, connection: Connection, club: UUID | None) -> None:
        self.database = database
        self.connection = connection
        self.club = club
        self.origins: dict[UUID, str] = {}
        self.subjects: dict[UUID, dict[str, Any]] = {}
        """Rows of subjects that this transaction has read or written, so that their keys are read once."""

    async def origin_of(self, club: UUID) -> str:
        """The origin of a club's log, looked up once; raises Missing."""
        known = self.database.origins.get(club) or self.origins.get(club)
        if known is None:
            known = await self.value(_ORIGIN, club=club)
            if known is None:
                raise Missing(kind="club")
            self.origins[club] = known
        return known

    async def change(self, statement: Executable, **parameters: Any) -> int:
        """Run an UPDATE or a DELETE; returns how many rows it changed."""
        given = {TENANT.key: self.club, **parameters}
        return await self.database.dialect.change(self.connection, statement, given)

    async def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows of the same columns: nothing is returned, since a party may write rows that it may not read."""
        if rows:
            await self.database.dialect.insert(self.connection, table, rows)

    async def insert_new(self, table: Table, row: Mapping[str, Any]) -> bool:
        """Insert a row unless there is one with its key; says whether it did."""
        return await self.database.dialect.insert_new(self.connection, table, row)

    async def upsert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows of the same columns, or overwrite what may change of those that have their keys."""
        if rows:
            await self.database.dialect.upsert(self.connection, table, rows)

    async def lock(self, name: str) -> None:
        """Wait for a named lock, held until the transaction ends."""
        await self.database.dialect.lock(self.connection, name)

    async def try_lock(self, name: str) -> bool:
        """The named lock if it is free, held until the transaction ends."""
        return await self.database.dialect.try_lock(self.connection, name)

    async def first(self, statement: Executable, **parameters: Any) -> Mapping[str, Any] | None:
        rows = await self.all(statement, **parameters)
        return rows[0] if rows else None

    async def all(self, statement: Executable, **parameters: Any) -> Sequence[Mapping[str, Any]]:
        given = {TENANT.key: self.club, **parameters}
        return await self.database.dialect.fetch(self.connection, statement, given)

    async def told(self, sql: str) -> Sequence[Mapping[str, Any]]:
        """The rows of a question to the engine itself, in its own words."""
        return await self.all(text(sql))

    async def tuples(self, statement: Select[Any], **parameters: Any) -> Sequence[Sequence[Any]]:
        """Rows as they come from the driver, for statements whose columns have no types."""
        return await self.database.dialect.tuples(self.connection, statement, {TENANT.key: self.club, **parameters})

    async def value(self, statement: Executable, **parameters: Any) -> Any:
        row = await self.first(statement, **parameters)
        return None if row is None else next(iter(row.values()))


class _Opened(AbstractAsyncContextManager[Session]):
    def __init__(self, database: Database, transaction: Any, club: UUID | None) -> None:
        self._database = database
        self._transaction = transaction
        self._club = club
        self._session: Session

    async def __aenter__(self) -> Session:
        self._session = Session(self._database, await self._transaction.__aenter__(), self._club)
        return self._session

    async def __aexit__(self, *error: Any) -> bool | None:
        handled: bool | None = await self._transaction.__aexit__(*error)
        if error[0] is None:
            # A club whose founding is rolled back may be founded again under the same id, with another origin.
            self._database.origins.update(self._session.origins)
        return handled
