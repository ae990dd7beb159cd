"""Every table, verb and tenant on a real Postgres: nobody sees, adds, changes or removes a row that is not his."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from adapters.outbound.sql.tables import metadata
from tests.integration.sql.canaries import PROTECTED, Row, allowed, key, planted, rows, sql
from tests.integration.sql.catalogue import updatable
from tests.support.databases import PostgresDatabase, apart
from tests.support.world import world_at

Tenants = dict[str, UUID | None]
TENANTS = ["home", "host", "meadow", "unknown", "none"]


@pytest.fixture(scope="module")
def tenants(shared_postgres_database: PostgresDatabase, tmp_path_factory: pytest.TempPathFactory) -> Tenants:
    """Who may ask; the rows are made once, and every test leaves them as they are."""

    async def make() -> Tenants:
        async with world_at(shared_postgres_database.url, tmp_path_factory.mktemp("world")) as world:
            return (await planted(world)).tenants

    return apart(make())


@pytest.fixture
async def behind(shared_postgres_database: PostgresDatabase, tenants: Tenants) -> AsyncIterator[Any]:
    """A connection that sees every row."""
    assert tenants
    connection = await asyncpg.connect(shared_postgres_database.superuser_url)
    yield connection
    await connection.close()


@pytest.fixture
async def runtime(shared_postgres_database: PostgresDatabase) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(shared_postgres_database.url)
    yield connection
    await connection.close()


@asynccontextmanager
async def acting(connection: Any, tenant: UUID | None) -> AsyncIterator[None]:
    """Inside a transaction of this tenant, of which nothing remains."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SELECT set_config('app.club_id', $1, true)", str(tenant or ""))
        yield
    finally:
        await transaction.rollback()


async def every(behind: Any, table: str) -> list[Row]:
    """All rows of a table, with the parties of the event where they hang on one."""
    found = await rows(behind, table)
    events = {row["id"]: {row["club_id"], row["other_club"]} - {None} for row in await rows(behind, "event")}
    return [{**row, "parties_of_event": events.get(row.get("event_id"), set())} for row in found]


def test_every_tenant_is_tried(tenants: Tenants) -> None:
    assert list(tenants) == TENANTS


@pytest.mark.parametrize("table", PROTECTED)
async def test_every_table_has_rows_to_leak(behind: Any, table: str) -> None:
    assert await rows(behind, table)


@pytest.mark.parametrize("table", PROTECTED)
async def test_rows_are_seen_by_their_parties_alone(behind: Any, runtime: Any, tenants: Tenants, table: str) -> None:
    found = await every(behind, table)
    for club in tenants.values():
        async with acting(runtime, club):
            seen = {key(table, row) for row in await rows(runtime, table)}
        assert seen == {key(table, row) for row in found if allowed(table, "SELECT", row, club)}


@pytest.mark.parametrize("table", PROTECTED)
async def test_rows_are_changed_by_their_parties_alone(behind: Any, runtime: Any, tenants: Tenants, table: str) -> None:
    found = await every(behind, table)
    column = max(updatable(table) or metadata.tables[table].columns.keys())
    # Without any condition: then Postgres asks the policy of the update alone.
    statement = sql("UPDATE", f'"{table}"', "SET", f'"{column}" = $1')
    for club in tenants.values():
        mine = [row for row in found if allowed(table, "UPDATE", row, club)]
        assert await _count(runtime, club, statement, found[0][column]) == (len(mine) if updatable(table) else None)


@pytest.mark.parametrize("table", PROTECTED)
async def test_rows_are_removed_by_their_parties_alone(behind: Any, runtime: Any, tenants: Tenants, table: str) -> None:
    found, removable = await every(behind, table), "D" in metadata.tables[table].info["rights"]
    for club in tenants.values():
        mine = [row for row in found if allowed(table, "DELETE", row, club)]
        assert await _count(runtime, club, sql("DELETE FROM", f'"{table}"')) == (len(mine) if removable else None)


async def _count(runtime: Any, club: UUID | None, statement: str, *values: Any) -> int | None:
    """How many rows a statement meets; None where it is not allowed at all."""
    async with acting(runtime, club):
        try:
            done: str = await runtime.execute(statement, *values)
        except asyncpg.InsufficientPrivilegeError:
            return None
    return int(done.rsplit(maxsplit=1)[-1])


@pytest.mark.parametrize("table", PROTECTED)
async def test_rows_are_added_by_their_parties_alone(behind: Any, runtime: Any, tenants: Tenants, table: str) -> None:
    names = metadata.tables[table].columns.keys()
    columns, places = ", ".join(f'"{name}"' for name in names), ", ".join(f"${n + 1}" for n in range(len(names)))
    statement = sql("INSERT INTO", f'"{table}" ({columns}) VALUES ({places})')
    for row in await every(behind, table):
        for club in tenants.values():
            # The same row again: whoever may add it learns that it exists, everybody else only that he may not.
            may = allowed(table, "INSERT", row, club)
            async with acting(runtime, club):
                with pytest.raises(asyncpg.UniqueViolationError if may else asyncpg.InsufficientPrivilegeError):
                    await runtime.execute(statement, *(row[name] for name in names))


async def test_no_byte_of_other_clubs_dealings_is_seen(runtime: Any, tenants: Tenants) -> None:
    """Meadow deals with both clubs too, and yet sees no name of their members and nothing of what they have alone."""
    for tenant in ("meadow", "unknown", "none"):
        async with acting(runtime, tenants[tenant]):
            seen = {table: str(await rows(runtime, table)) for table in PROTECTED}
        for secret in ("Ada Canary", "canary Ada", "canary-terms", "canary-key"):
            assert not [table for table, text in seen.items() if secret in text]
        across = {table for table in PROTECTED if tenant == "none" and metadata.tables[table].info["across"]}
        assert tenant == "meadow" or {table for table, text in seen.items() if text != "[]"} == across


def test_what_may_be_read_across_clubs_is_named() -> None:
    assert {table for table in PROTECTED if metadata.tables[table].info["across"]} == {"log_key", "parked"}


async def test_tables_outside_hold_ids_and_public_facts_alone(behind: Any) -> None:
    for table in ("pending", "inbox", "directory"):
        text = str(await rows(behind, table))
        assert "canary" not in text
        assert "Ada" not in text
