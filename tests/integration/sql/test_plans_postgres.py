"""What a worker asks of every club each minute is answered from an index that holds no visit that has ended."""

from pathlib import Path
from typing import Any

from sqlalchemy.dialects import sqlite

from adapters.outbound.sql.compiled import compiled
from adapters.outbound.sql.database import Database
from adapters.outbound.sql.visits import SqlVisits
from tests.support.databases import MEMORY, PostgresDatabase
from tests.support.scenes import two_clubs
from tests.support.world import TODAY, world_at

INDEX = "ix_visit_unended"
ASKED: dict[str, Any] = {"ahead": TODAY, "inside": TODAY, "latest": TODAY, "most": 9}


async def test_visits_that_are_due_are_found_by_their_index_on_postgres(
    shared_postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    async with world_at(shared_postgres_database.url, tmp_path) as world:
        club = (await two_clubs(world)).host.of_club
        asked = compiled(SqlVisits._DUE)
        async with world.database.transaction(club) as session:
            driver = session.connection
            # The table is small, so that reading all of it would be the cheaper plan.
            await driver.execute("SET LOCAL enable_seqscan = off")
            values = asked._values({"tenant": club, **ASKED})
            plan = [row[0] for row in await driver.fetch(f"EXPLAIN {asked.sql}", *values)]
    assert any(INDEX in line for line in plan), "\n".join(plan)


async def test_visits_that_are_due_are_found_by_their_index_on_sqlite(tmp_path: Path) -> None:
    async with world_at(MEMORY, tmp_path) as world:
        await two_clubs(world)
        assert any(INDEX in line for line in await _plan(world.database))
        async with world.database.transaction(None) as session:
            await session.connection.exec_driver_sql(f"DROP INDEX {INDEX}")
        assert not any(INDEX in line for line in await _plan(world.database))


async def _plan(database: Database) -> list[str]:
    statement = str(SqlVisits._DUE.compile(dialect=sqlite.dialect()))
    async with database.reading(None) as session:
        values = (None,) * statement.count("?")
        rows = await session.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        return [str(row) for row in rows]
