"""Rows as they are stored: every column raw from the driver, then spelt canonically or decoded as far as it can be.

A tampered column may hold anything; nothing here raises over it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, Uuid, type_coerce
from sqlalchemy.engine import make_url
from sqlalchemy.types import NullType

from adapters.outbound.sql.types import Instant
from core.log.audit.rows import LiveRow, Raw, Unreadable
from shared.clock import utc_text

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Convert = Callable[[Any], Any]

_DRIVERS = {"sqlite": "sqlite+aiosqlite://", "postgresql": "postgresql+asyncpg://"}
_HEX = 32
_WALL_TIME = len("2026-03-12 18:04:05.000000")


class Reads(Protocol[T_co]):
    """Makes a row of a kind out of raw values."""

    def of(self, values: Sequence[Any], engine: str) -> T_co: ...


class Shape(Generic[T]):
    """A kind of row: the columns that it is read from, and what is made of their values."""

    def __init__(self, form: Callable[..., T], *columns: Column[Any]) -> None:
        self._form = form
        self._columns = columns
        self.selected = raw(*columns)
        self.width = len(columns)

    def of(self, values: Sequence[Any], engine: str) -> T:
        """The row out of its values, in the order of the columns."""
        spellings = _spellings(self._columns, engine)
        return self._form(
            *[value if spell is None else spell(value) for spell, value in zip(spellings, values, strict=True)]
        )

    def found(self, values: Sequence[Any], engine: str) -> T | None:
        """The same, or None where an outer join found no row: the first column is one that is never null."""
        return None if values[0] is None else self.of(values, engine)


class Live:
    """A table of live rows: `key` is the column with the id that they go by."""

    def __init__(self, table: Table, key: str) -> None:
        self.table = table
        self.key = table.c[key]
        self.selected = raw(*table.columns)
        self._names = table.columns.keys()
        self._at = self._names.index(key)

    def of(self, values: Sequence[Any], engine: str) -> LiveRow:
        """Every column as the core's value, or Unreadable."""
        told = zip(self._names, values, _converts(self.table, engine), strict=True)
        read = {name: _read(value, convert) for name, value, convert in told}
        return LiveRow(key=canonical(self.key, values[self._at], engine), values=read)


def raw(*columns: Column[Any]) -> list[ColumnElement[Any]]:
    """The columns without their types, named apart, so that no processor sees what they hold."""
    return [type_coerce(column, NullType()).label(f"{column.table.name}_{column.name}") for column in columns]


def canonical(column: Column[Any], value: Any, engine: str) -> Raw:
    """An id or an instant in canonical text, anything else as it is."""
    spell = _spelling(column, engine)
    spelt: Raw = value if spell is None else spell(value)
    return spelt


def ids(texts: Iterable[str]) -> list[UUID]:
    """The ids among these texts; what is none stands in no column of ids, but for a tampered one."""
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


@cache
def _spellings(columns: tuple[Column[Any], ...], engine: str) -> tuple[Convert | None, ...]:
    return tuple(_spelling(column, engine) for column in columns)


def _spelling(column: Column[Any], engine: str) -> Convert | None:
    postgres = engine == "postgresql"
    if isinstance(column.type, Uuid):
        return _id_of_postgres if postgres else _id_of_sqlite
    if isinstance(column.type, Instant):
        return _instant_of_postgres if postgres else _instant_of_sqlite
    return None


def _id_of_postgres(value: Any) -> Raw:
    return None if value is None else str(value)


def _id_of_sqlite(value: Raw) -> Raw:
    if type(value) is not str or len(value) != _HEX:
        return value
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


def _instant_of_postgres(value: Any) -> Raw:
    return utc_text(value) if isinstance(value, datetime) else value


def _instant_of_sqlite(value: Raw) -> Raw:
    if type(value) is not str or len(value) != _WALL_TIME:
        return value
    return f"{value[:10]}T{value[11:]}Z" if value[10] == " " else value


@cache
def _converts(table: Table, engine: str) -> tuple[Convert | None, ...]:
    """What makes values of the core of raw ones, by each column's own type."""
    dialect = make_url(_DRIVERS[engine]).get_dialect()()
    return tuple(column.type.dialect_impl(dialect).result_processor(dialect, None) for column in table.columns)


def _read(value: Any, convert: Convert | None) -> object:
    if convert is None:
        return value
    try:
        return convert(value)
    except Exception as error:
        return Unreadable(f"{type(error).__name__}: not what this column holds")
