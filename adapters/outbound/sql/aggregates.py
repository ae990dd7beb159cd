"""A repository for any aggregate whose table has a column for each of its fields: get, add, and save by version."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, Table, bindparam, select, update

from adapters.outbound.sql.database import Session, mine
from adapters.outbound.sql.schema import changeable
from ports.unit_of_work import Missing
from shared.errors import StaleVersion
from shared.events import Aggregate

A = TypeVar("A", bound=Aggregate)


class Mapped(Generic[A]):
    """The two mappings of an aggregate: its fields are the columns of its table, and the column types do the rest."""

    def __init__(self, table: Table, form: type[A]) -> None:
        self.table = table
        self.form = form
        self.names = tuple(field.name for field in fields(form))
        missing = set(self.names) - set(table.columns.keys())
        if missing:
            raise RuntimeError(f"table {table.name} has no column for {', '.join(sorted(missing))}")
        columns = [table.c[name] for name in self.names]
        self.mine = select(*columns).where(mine(table))
        one = self.mine.where(table.c.id == bindparam("the_id"))
        self.get, self.rely_on = one.with_for_update(), one.with_for_update(read=True)
        names = [name for name in changeable(table) if name in self.names]
        changed = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
        self.save = (
            update(table)
            .where(table.c.id == bindparam("the_id"), table.c.version == bindparam("the_version"), mine(table))
            .values(changed)
        )
        self.changing = tuple(changed)

    def to_row(self, aggregate: A) -> dict[str, Any]:
        return {name: getattr(aggregate, name) for name in self.names}

    def from_row(self, row: Mapping[str, Any]) -> A:
        return self.form(**{name: row[name] for name in self.names})


class SqlAggregates(Generic[A]):
    """One kind of aggregate inside a transaction. A row that is got stays locked until the transaction ends."""

    mapped: Mapped[A]

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, key: Any) -> A:
        return await self._one(self.mapped.get, key)

    async def relied_on(self, key: Any) -> A:
        """As it stays until the transaction ends, for any number of them at a time: none of these may change it."""
        return await self._one(self.mapped.rely_on, key)

    async def _one(self, statement: Select[Any], key: Any) -> A:
        row = await self._session.first(statement, the_id=key)
        if row is None:
            raise Missing(kind=self.mapped.form.kind)
        return self.mapped.from_row(row)

    async def add(self, aggregate: A) -> None:
        await self._session.insert(self.mapped.table, [self.mapped.to_row(aggregate)])

    async def save(self, aggregate: A) -> None:
        new = {f"new_{name}": getattr(aggregate, name) for name in self.mapped.changing}
        before = aggregate.version - 1
        changed = await self._session.change(self.mapped.save, the_id=aggregate.id, the_version=before, **new)
        if changed != 1:
            raise StaleVersion(expected=before)

    async def where(self, *conditions: ColumnElement[bool], locked: bool = False, **parameters: Any) -> Sequence[A]:
        """The caller's rows under these conditions, in order of id; with `locked` as those that are got."""
        statement = self.mapped.mine.where(*conditions).order_by(self.mapped.table.c.id)
        statement = statement.with_for_update() if locked else statement
        return [self.mapped.from_row(row) for row in await self._session.all(statement, **parameters)]
