"""What a schema is made of, as its engine writes it down: two databases with the same words have the same schema."""

import warnings
from collections.abc import Callable
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, Index, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.outbound.sql.tables import metadata

_SQLITE = """
    SELECT type, name, tbl_name || CASE WHEN sql LIKE '%AUTOINCREMENT%' THEN ' counts on' ELSE '' END
    FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"""
_SQLITE_INDEXES = "SELECT 'sql', name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
_POSTGRES = """
    SELECT 'column', table_name || '.' || column_name, data_type || ' ' || is_nullable || ' ' ||
        coalesce(column_default, '') FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace"""

Schema = set[tuple[Any, ...]]


async def schema_of(owner_url: str) -> Schema:
    """Tables, columns, constraints and indexes, but for the table in which Alembic keeps its place."""
    found: Schema = await looked_at(owner_url, _words)
    return {row for row in found if "alembic_version" not in str(row)}


async def differences(owner_url: str) -> list[Any]:
    """What Alembic would have to migrate for the database to be as the metadata says.

    It cannot compare indexes over expressions; `schema_of` does.
    """

    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"include_object": _comparable})
        with warnings.catch_warnings(action="ignore"):
            return list(compare_metadata(context, metadata))

    found: list[Any] = await looked_at(owner_url, compare)
    return found


def _comparable(item: object, _name: str | None, _kind: str, _reflected: bool, _other: object) -> bool:
    return not (isinstance(item, Index) and any(not isinstance(each, Column) for each in item.expressions))


async def created(owner_url: str) -> None:
    """All tables straight from the metadata, without a migration."""
    await looked_at(owner_url, metadata.create_all)


async def looked_at(owner_url: str, work: Callable[[Connection], Any]) -> Any:
    url = make_url(owner_url)
    driver = {"postgresql": "asyncpg", "sqlite": "aiosqlite"}[url.get_backend_name()]
    engine = create_async_engine(url.set(drivername=f"{url.get_backend_name()}+{driver}"))
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _words(connection: Connection) -> Schema:
    if connection.dialect.name == "postgresql":
        return {tuple(row) for row in connection.execute(text(_POSTGRES))}
    found = {tuple(row) for row in connection.execute(text(_SQLITE))}
    found |= {(kind, name, " ".join(sql.split())) for kind, name, sql in connection.execute(text(_SQLITE_INDEXES))}
    for _kind, name, _table in [row for row in found if row[0] == "table"]:
        for column in connection.exec_driver_sql(f'PRAGMA table_info("{name}")'):
            found.add((name, *tuple(column)[1:]))
        for reference in connection.exec_driver_sql(f'PRAGMA foreign_key_list("{name}")'):
            found.add((name, "references", *tuple(reference)[2:]))
    return found
