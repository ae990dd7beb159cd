"""The first wall between clubs as a check on every statement: a club's table is only touched under the club predicate.

Row-level security would hide a statement that forgets it, on one of the two engines.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from weakref import WeakSet

from sqlalchemy import (
    Alias,
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    Column,
    Delete,
    Executable,
    FromClause,
    Join,
    Null,
    Select,
    Table,
    TextClause,
    Update,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.visitors import iterate

from adapters.outbound.sql.database import TENANT, Database
from adapters.outbound.sql.tables import metadata

_guarded: "WeakSet[Any]" = WeakSet()


class PredicateMissing(AssertionError):
    """A statement reads, changes or deletes rows of a club's table without comparing them with the tenant."""


def watch(database: Database) -> None:
    """Fail every statement of this database that goes to a club's table without the club predicate."""
    for name in ("rows", "tuples", "fetch", "change"):
        vars(database.dialect)[name] = _checking(getattr(database.dialect, name))


def _checking(execute: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def checked(*arguments: Any) -> Any:
        check(next(argument for argument in arguments if isinstance(argument, Executable)))
        return await execute(*arguments)

    return checked


def check(statement: Any) -> None:
    """Raises PredicateMissing. Most statements are made once, as their modules are, and are looked at once."""
    if statement in _guarded:
        return
    found = unguarded(statement)
    if found:
        raise PredicateMissing(f"no club predicate on {', '.join(found)}: {statement}")
    _guarded.add(statement)


def unguarded(statement: Any) -> list[str]:
    """The clubs' tables that a statement touches without the predicate; inserts are checked by their policies alone."""
    if isinstance(statement, TextClause):
        return [name for name, table in metadata.tables.items() if _of_clubs(table) and _mentions(statement, name)]
    found: list[str] = []
    for part in iterate(statement):
        if isinstance(part, Select):
            for source in part.get_final_froms():
                found += _open(source, part.whereclause, reading=True)
        elif isinstance(part, Update | Delete):
            found += _open(part.table, part.whereclause)
    return found


def _open(source: FromClause, *conditions: object, reading: bool = False) -> Iterator[str]:
    """What of a FROM is not guarded by one of the conditions that all of its rows have to meet."""
    if isinstance(source, Join):
        # An ON clause keeps back rows of the right side; those of the left side too, unless they come without it.
        left = () if source.isouter else (source.onclause,)
        yield from _open(source.left, *conditions, *left, reading=reading)
        yield from _open(source.right, *conditions, source.onclause, reading=reading)
    elif _of_clubs(source) and not any(_guards(condition, source, reading=reading) for condition in conditions):
        yield _table(source).name


def _guards(condition: object, table: FromClause, *, reading: bool) -> bool:
    """Does the condition hold for rows alone whose column in `table` equals the tenant?

    What may be read across clubs may also be read where there is no tenant.
    """
    across = reading and _table(table).info["across"]
    match condition:
        case Grouping():
            return _guards(condition.element, table, reading=reading)
        case BooleanClauseList(operator=operators.and_):
            return any(_guards(part, table, reading=reading) for part in condition.clauses)
        case BooleanClauseList(operator=operators.or_):
            return all(
                _guards(part, table, reading=reading) or (across and _without_tenant(part))
                for part in condition.clauses
            )
        case BinaryExpression(operator=operators.eq):
            sides = (condition.left, condition.right)
            columns = [side for side in sides if isinstance(side, Column) and side.table is table]
            return bool(columns) and any(isinstance(side, BindParameter) and side.key == TENANT.key for side in sides)
        case _:
            return False


def _without_tenant(condition: object) -> bool:
    match condition:
        case BinaryExpression(operator=operators.is_, left=BindParameter(key=TENANT.key), right=Null()):
            return True
        case _:
            return False


def _of_clubs(source: FromClause) -> bool:
    table = _table(source)
    return isinstance(table, Table) and "parties" in table.info


def _table(source: FromClause) -> Any:
    return _table(source.element) if isinstance(source, Alias) else source


def _mentions(statement: TextClause, table: str) -> bool:
    return re.search(rf'(?i)\b(from|join|update|into)\s+"?{table}"?\b', statement.text) is not None
