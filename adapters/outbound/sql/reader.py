"""Reads from table to view: a view's field names are the columns that it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, Table, bindparam, select

from adapters.outbound.sql.database import Database, mine
from adapters.outbound.sql.schema import metadata
from ports.caller import Caller
from ports.reader import View
from ports.unit_of_work import Missing
from shared.paging import Page, PageRequest

V = TypeVar("V", bound=View)


class SqlReader:
    """Implements ports.reader.Reader."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def one(self, caller: Caller, view: type[V], key: UUID) -> V:
        rows = await self._database.rows(caller.club, _one(view), the_id=key)
        if not rows:
            raise Missing(kind=view.kind)
        return view(**rows[0])

    async def page(
        self, caller: Caller, view: type[V], request: PageRequest, where: Mapping[str, object] | None = None
    ) -> Page[V]:
        rows = await self._rows(caller.club, view, request, where or {})
        more = len(rows) > request.limit
        rows = rows[: request.limit]
        if request.before is not None:
            rows.reverse()
        return _page(_views(view, rows), [row["id"] for row in rows], request, more=more)

    async def _rows(
        self, club: UUID | None, view: type[V], request: PageRequest, where: Mapping[str, object]
    ) -> list[Mapping[str, Any]]:
        backwards, bound = request.before is not None, request.before or request.after
        statement = _many(view, tuple(sorted(where)), backwards=backwards, bounded=bound is not None)
        values = {f"where_{name}": value for name, value in where.items()}
        bounds = {} if bound is None else {"bound": bound}
        return list(await self._database.rows(club, statement, most=request.limit + 1, **values, **bounds))


def _views(view: type[V], rows: Sequence[Mapping[str, Any]]) -> list[V]:
    """The key of a row is read also for a view that does not show it."""
    names = _names(view)
    if "id" in names:
        return [view(**row) for row in rows]
    return [view(**{name: row[name] for name in names}) for row in rows]


def _page(data: list[V], keys: list[UUID], request: PageRequest, *, more: bool) -> Page[V]:
    """A page lies beyond the end that was read towards if one more row was found, and where the request came from."""
    if not keys:
        return Page(data=data, next=None, prev=None)
    if request.before is not None:
        return Page(data=data, next=keys[-1], prev=keys[0] if more else None)
    return Page(data=data, next=keys[-1] if more else None, prev=keys[0] if request.after else None)


def _table(view: type[View]) -> Table:
    return metadata.tables[view.kind]


@cache
def _names(view: type[View]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(view))


@cache
def _one(view: type[View]) -> Select[Any]:
    table = _table(view)
    return select(*(table.c[name] for name in _names(view))).where(table.c.id == bindparam("the_id"), mine(table))


@cache
def _many(view: type[View], where: tuple[str, ...], *, backwards: bool, bounded: bool) -> Select[Any]:
    table = _table(view)
    columns = {*_names(view), "id"}
    equal = (table.c[name] == bindparam(f"where_{name}", type_=table.c[name].type) for name in where)
    statement = select(*(table.c[name] for name in sorted(columns))).where(mine(table), *equal)
    key = table.c.id
    if bounded:
        bound = bindparam("bound", type_=key.type)
        statement = statement.where(key < bound if backwards else key > bound)
    return statement.order_by(key.desc() if backwards else key).limit(bindparam("most"))
