"""Statements of SQLAlchemy compiled once, and executed on asyncpg itself: for a fifth of what its own execution costs.

Types, names and predicates stay those of the tables; what is left out is everything that happens anew at each call.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from weakref import WeakKeyDictionary

import asyncpg
from sqlalchemy import BindParameter, Executable, Select, Table, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, Insert
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.visitors import replacement_traverse

from adapters.outbound.sql.upserts import keeping, overwriting

Driver = Any
"""A connection of asyncpg, whether or not a pool lent it."""

_DIALECT = make_url("postgresql+asyncpg://").get_dialect()()
_REQUIRED = object()
_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Parameter:
    """`own` is the value that the statement itself brings, where none is given."""

    name: str
    own: Any
    convert: _Convert | None


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as asyncpg takes it, its parameters in order, and the columns that have to be converted."""

    sql: str
    parameters: tuple[_Parameter, ...]
    converted: tuple[tuple[str, _Convert], ...]

    async def fetch(self, driver: Driver, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows."""
        return [self._row(record) for record in await driver.fetch(self.sql, *self._values(given))]

    async def tuples(self, driver: Driver, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows as they come from the driver, for statements whose columns have no types."""
        return [tuple(record) for record in await driver.fetch(self.sql, *self._values(given))]

    async def change(self, driver: Driver, given: Mapping[str, Any]) -> int:
        """How many rows were inserted, updated or deleted; raises SQLAlchemy's IntegrityError."""
        with _constraints(self.sql):
            status: str = await driver.execute(self.sql, *self._values(given))
        return int(status.rpartition(" ")[2])

    async def each(self, driver: Driver, rows: Sequence[Mapping[str, Any]]) -> None:
        """Once for every row, in one round trip; raises SQLAlchemy's IntegrityError."""
        with _constraints(self.sql):
            await driver.executemany(self.sql, [self._values(row) for row in rows])

    def _values(self, given: Mapping[str, Any]) -> list[Any]:
        values = []
        for parameter in self.parameters:
            value = given.get(parameter.name, parameter.own)
            if value is _REQUIRED:
                raise KeyError(f"the statement needs a value for {parameter.name}")
            values.append(value if parameter.convert is None else parameter.convert(value))
        return values

    def _row(self, record: asyncpg.Record) -> dict[str, Any]:
        row = dict(record)
        for name, convert in self.converted:
            row[name] = convert(row[name])
        return row


_compiled: WeakKeyDictionary[Executable, Compiled] = WeakKeyDictionary()


def compiled(statement: Executable) -> Compiled:
    """Raises TypeError for a statement whose text depends on the values that it is given."""
    found = _compiled.get(statement)
    if found is None:
        found = _compiled[statement] = _made(replacement_traverse(cast(Any, statement), {}, _array))
    return found


@cache
def insertion(table: Table, names: tuple[str, ...]) -> Compiled:
    """Inserts a row of these columns and returns nothing."""
    return _made(table.insert().inline(), column_keys=names)


@cache
def bulk_insertion(table: Table, names: tuple[str, ...]) -> Compiled:
    """Inserts any number of rows in one go: each parameter holds a whole column."""
    columns = [func.unnest(bindparam(name, type_=ARRAY(table.c[name].type))).label(name) for name in names]
    return _made(table.insert().from_select(list(names), select(*columns)).inline())


@cache
def keeping_insertion(table: Table, names: tuple[str, ...]) -> Compiled:
    """Inserts a row of these columns, or keeps the one that has its key."""
    return _made(keeping(Insert, table).inline(), column_keys=names)


@cache
def upsertion(table: Table, names: tuple[str, ...]) -> Compiled:
    """Inserts a row of these columns, or overwrites what may change of the one that has its key."""
    return _made(overwriting(Insert, table).inline(), column_keys=names)


@contextmanager
def _constraints(sql: str) -> Iterator[None]:
    """A broken constraint is told alike, whoever executed the statement."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(sql, None, error) from error


def _array(element: Any, **_: Any) -> Any:
    """`x IN (...)`, whose text grows with its values, as `x = ANY (array)`, which is the same and stays prepared."""
    if isinstance(element, BinaryExpression) and element.operator is operators.in_op:
        values = element.right
        if isinstance(values, BindParameter) and values.expanding:
            kind = ARRAY(element.left.type)
            return element.left == any_(bindparam(values.key, values.value, type_=kind, required=values.required))
    return None


def _made(statement: Any, **options: Any) -> Compiled:
    text = statement.compile(dialect=_DIALECT, **options)
    if text.post_compile_params:
        raise TypeError(f"a statement whose text depends on its values cannot be prepared: {statement}")
    binds = [text.binds[name] for name in text.positiontup or ()]
    columns = statement.selected_columns if isinstance(statement, Select) else ()
    return Compiled(
        sql=str(text),
        parameters=tuple(
            _Parameter(bind.key, _REQUIRED if bind.required else bind.value, _to_database(bind.type)) for bind in binds
        ),
        converted=tuple(
            (column.name, convert) for column in columns if (convert := _from_database(column.type)) is not None
        ),
    )


def _to_database(kind: Any) -> _Convert | None:
    convert: _Convert | None = kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)
    return convert


def _from_database(kind: Any) -> _Convert | None:
    convert: _Convert | None = kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
    return convert
