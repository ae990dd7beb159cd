"""Everything in which Postgres and SQLite differ: connections, the tenant of a transaction, locks, what an error means.

Statements are SQLAlchemy's on both.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Executable, Select, Table
from sqlalchemy.engine import make_url

from adapters.outbound.sql.postgres import Postgres
from adapters.outbound.sql.settings import Settings
from adapters.outbound.sql.sqlite import Sqlite

Connection = Any
"""The connection of a transaction; nobody but its dialect looks inside."""

Transaction = AbstractAsyncContextManager[Connection]


class Dialect(Protocol):
    """One database engine."""

    name: str

    def transaction(self, tenant: UUID | None, once: str | None = None) -> Transaction:
        """A transaction of this tenant; holds the lock named `once` meanwhile, or raises InFlight."""

    def reading(self, tenant: UUID | None) -> Transaction:
        """A transaction of this tenant that only reads, and waits for no writer."""

    def snapshot(self, tenant: UUID | None) -> Transaction:
        """A reading transaction that sees one instant, however long it lasts, and reads text that is none."""

    async def tuples(
        self, connection: Connection, statement: Select[Any], given: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        """The rows of a statement whose columns have no types, as they come from the driver."""

    async def rows(
        self, tenant: UUID | None, statement: Select[Any], given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        """The rows of one statement, in a reading transaction of its own."""

    async def fetch(
        self, connection: Connection, statement: Executable, given: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        """The rows of a statement inside a transaction."""

    async def change(self, connection: Connection, statement: Executable, given: Mapping[str, Any]) -> int:
        """How many rows an UPDATE or a DELETE changed inside a transaction."""

    async def insert(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, all of the same columns; nothing is returned. A broken constraint raises IntegrityError."""

    async def insert_new(self, connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
        """Insert a row unless there is one with its key; says whether it did."""

    async def upsert(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, or overwrite what may change of those that have their keys."""

    async def lock(self, connection: Connection, name: str) -> None:
        """Wait for a named lock, held until the transaction ends."""

    async def try_lock(self, connection: Connection, name: str) -> bool:
        """The named lock if it is free, held until the transaction ends."""

    async def close(self) -> None:
        """Give back every connection; the next transaction opens new ones."""


def dialect_of(settings: Settings) -> Dialect:
    """The engine that the URL names; raises ValueError for one that is not supported."""
    backend = make_url(settings.url).get_backend_name()
    if backend == "postgresql":
        return Postgres(settings)
    if backend == "sqlite":
        return Sqlite(settings)
    raise ValueError(f"a database URL starts with sqlite:// or postgresql://, not {backend}://")
