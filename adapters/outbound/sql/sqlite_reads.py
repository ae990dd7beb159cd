"""Statements compiled once for SQLite, and read in one turn of the driver's thread instead of four."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Select
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = make_url("sqlite+aiosqlite://").get_dialect()()
_compiled: "WeakKeyDictionary[Select[Any], _Compiled]" = WeakKeyDictionary()

Convert = Callable[[Any], Any]


class _Compiled:
    """The text of a statement, but for lists of values, which are spelt out at each call, and how values are bound."""

    def __init__(self, statement: Select[Any]) -> None:
        compiler = statement.compile(dialect=_DIALECT)
        if not isinstance(compiler, SQLCompiler):
            raise TypeError("not a statement that reads")
        self._compiler = compiler
        self._converts: dict[str, Convert | None] = {
            name: bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT) for name, bind in compiler.binds.items()
        }

    def bound(self, given: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Text and parameters, in order, as the driver takes them."""
        state = self._compiler.construct_expanded_state({name: given[name] for name in self._converts if name in given})
        converts = dict(self._converts)
        for name, spelt_out in state.parameter_expansion.items():
            converts.update(dict.fromkeys(spelt_out, self._converts[name]))
        values = [(converts[name], state.parameters[name]) for name in state.positiontup or ()]
        return state.statement, [value if convert is None else convert(value) for convert, value in values]


async def read(
    connection: AsyncConnection, statement: Select[Any], given: Mapping[str, Any]
) -> Sequence[Sequence[Any]]:
    """The rows as they come from the driver, none of their types looked at."""
    compiled = _compiled.get(statement)
    if compiled is None:
        compiled = _compiled[statement] = _Compiled(statement)
    inside: Any = connection.sync_connection
    rows: Sequence[Sequence[Any]] = await inside.connection.driver_connection.execute_fetchall(*compiled.bound(given))
    return rows
