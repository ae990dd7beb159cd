"""Single reads on Postgres past SQLAlchemy's execution: the same statements and types, on asyncpg itself.

A read of one row costs half of what it costs through the engine; `benchmarks` holds the comparison.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import asyncpg
from sqlalchemy import Select
from sqlalchemy.engine import make_url

from adapters.outbound.sql.settings import Settings

_DIALECT = make_url("postgresql+asyncpg://").get_dialect()()
_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as asyncpg takes it, its parameters in order, and the columns that have to be converted.

    A parameter has the value that the statement itself brings for it, where none is given.
    """

    sql: str
    parameters: tuple[tuple[str, Any, _Convert | None], ...]
    converted: tuple[tuple[str, _Convert], ...]


class FastReads:
    """A pool of its own, opened at the first read. Nothing outlives a transaction, so nothing is reset between two."""

    def __init__(self, settings: Settings, server_settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._server_settings = dict(server_settings)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()
        self._compiled: WeakKeyDictionary[Select[Any], _Compiled] = WeakKeyDictionary()

    async def rows(self, statement: Select[Any], tenant: UUID | None, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a statement in a read-only transaction of this tenant."""
        compiled = self._compiled.get(statement) or self._compile(statement)
        values = [_value(given.get(name, own), convert) for name, own, convert in compiled.parameters]
        pool = self._pool or await self._open()
        async with pool.acquire(timeout=self._settings.acquire_timeout_seconds) as connection:
            # One round trip: a UUID or nothing goes into the text, so there is nothing to escape.
            name = "" if tenant is None else str(tenant)
            await connection.execute(f"BEGIN READ ONLY; SELECT set_config('app.club_id', '{name}', true)")
            records = await connection.fetch(compiled.sql, *values)
            await connection.execute("COMMIT")
        return [_row(record, compiled) for record in records]

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _open(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._settings.url,
                    min_size=1,
                    max_size=self._settings.pool_size,
                    reset=_roll_back,
                    timeout=5,
                    command_timeout=self._settings.statement_timeout_seconds + 1,
                    server_settings=self._server_settings,
                )
            return self._pool

    def _compile(self, statement: Select[Any]) -> _Compiled:
        compiled = statement.compile(dialect=_DIALECT)
        binds = [compiled.binds[name] for name in compiled.positiontup or ()]
        made = _Compiled(
            sql=str(compiled),
            parameters=tuple((bind.key, bind.value, _to_database(bind.type)) for bind in binds),
            converted=tuple(
                (column.name, convert)
                for column in statement.selected_columns
                if (convert := _from_database(column.type)) is not None
            ),
        )
        self._compiled[statement] = made
        return made


def _value(value: Any, convert: _Convert | None) -> Any:
    return value if convert is None else convert(value)


def _row(record: asyncpg.Record, compiled: _Compiled) -> dict[str, Any]:
    row = dict(record)
    for name, convert in compiled.converted:
        row[name] = convert(row[name])
    return row


def _to_database(kind: Any) -> _Convert | None:
    convert: _Convert | None = kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)
    return convert


def _from_database(kind: Any) -> _Convert | None:
    convert: _Convert | None = kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
    return convert


async def _roll_back(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """A read that failed or was given up half-way leaves its transaction open."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
