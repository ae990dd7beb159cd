"""What happens to a row that is there already: both engines say it alike, each by an INSERT of its own."""

from functools import cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

from adapters.outbound.sql.schema import changeable

Insert = type[PostgresInsert] | type[SqliteInsert]


@cache
def keeping(insert: Insert, table: Table) -> Any:
    """Inserts a row, or keeps the one that has its key."""
    return insert(table).on_conflict_do_nothing(index_elements=list(table.primary_key))


@cache
def overwriting(insert: Insert, table: Table) -> Any:
    """Inserts a row, or overwrites what may change of the one that has its key."""
    new = insert(table)
    changed = {name: new.excluded[name] for name in changeable(table)}
    return new.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)
