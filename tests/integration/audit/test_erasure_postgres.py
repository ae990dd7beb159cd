"""Erased from Postgres: no byte of the person is left in the files of its tables, indexes and statistics."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.outbound.sql.audit import SqlAuditedLogs
from adapters.outbound.sql.tables import metadata
from adapters.outbound.sql.vacuum import StillInUse, vacuum
from tests.integration.audit.canaries import found_in, guest
from tests.integration.audit.erasing import erased_without_a_trace
from tests.support.databases import PostgresDatabase
from tests.support.world import world_at


def files_of(database: PostgresDatabase) -> Iterator[Path]:
    """The folder of the database, as it is on disk once everything in memory was written."""
    database.server.execute("CHECKPOINT")
    oid = database.server.execute("SELECT oid FROM pg_database WHERE datname = current_database()", database.name)
    return (path for path in (database.server.data / "base" / oid).iterdir() if path.is_file())


async def test_nothing_of_an_erased_person_is_left_in_any_byte(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    server = postgres_database.server

    def files() -> Iterator[Path]:
        # The planner remembers the most common values of every column.
        server.execute("ANALYZE", postgres_database.name)
        yield from files_of(postgres_database)
        yield server.log

    async with world_at(postgres_database.url, tmp_path / "data") as world:
        await erased_without_a_trace(world, files, tmp_path, postgres_database.owner_url)


async def test_the_planner_keeps_no_values_of_a_person(postgres_database: PostgresDatabase, tmp_path: Path) -> None:
    """Statistics of a table that an erasure empties are never made anew: what they quote would stay for ever."""
    server, name = postgres_database.server, postgres_database.name
    sampled = "SELECT attname FROM pg_attribute WHERE attrelid = '{}'::regclass AND attstattarget IS NULL"
    for table in metadata.sorted_tables:
        columns = server.execute(sampled.format(table.name), name).splitlines()
        assert not set(table.info["personal"]) & set(columns)
    async with world_at(postgres_database.url, tmp_path / "data") as world:
        await guest(world)
    server.execute("ALTER TABLE member ALTER COLUMN name SET STATISTICS DEFAULT", name)
    server.execute("ANALYZE", name)
    quoted = "SELECT count(*) FROM pg_stats WHERE tablename = 'member' AND attname = '{}'"
    assert server.execute(quoted.format("name"), name) == "1", "planted: a column that is sampled"
    assert server.execute(quoted.format("category"), name) == "0"


async def test_a_transaction_that_could_still_see_the_person_is_waited_for(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    async with world_at(postgres_database.url, tmp_path / "data") as world:
        person = await guest(world)
        async with SqlAuditedLogs(world.database).of(person.home.of_club) as look:
            await look.head()
            await world.clubs.members.erase(person.home, person.member)
            with pytest.raises(StillInUse):
                await vacuum(postgres_database.owner_url)
            rewriting = asyncio.create_task(vacuum(postgres_database.owner_url))
            await asyncio.sleep(1)
        await rewriting
    assert found_in(files_of(postgres_database)) == set()
