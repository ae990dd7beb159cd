"""Many at once in two processes of a real Postgres."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.outbound.sql.postgres import owners_engine
from tests.integration.sql.concurrency import GUARDS, Concurrency
from tests.integration.sql.hasty import Unheld
from tests.support.databases import PostgresDatabase
from tests.support.world import PATIENT, Clock, World, world_at


@asynccontextmanager
async def _two_at(url: str, folder: Path) -> AsyncIterator[list[World]]:
    shared = {"now": Clock()}
    async with (
        world_at(url, folder / "one", overrides=shared, **PATIENT) as one,
        world_at(url, folder / "two", overrides=shared, **PATIENT) as two,
    ):
        yield [one, two]


@pytest.fixture
async def worlds(shared_postgres_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[list[World]]:
    async with _two_at(shared_postgres_database.url, tmp_path) as worlds:
        yield worlds


@pytest.fixture
async def unguarded(postgres_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[list[World]]:
    owner = owners_engine(postgres_database.owner_url)
    async with owner.begin() as connection:
        for index in GUARDS:
            await connection.exec_driver_sql(f"DROP INDEX {index}")
    await owner.dispose()
    async with _two_at(postgres_database.url, tmp_path) as worlds:
        yield worlds


class TestConcurrencyOnPostgres(Concurrency):
    async def test_vis5_a_check_out_that_holds_nobody_would_be_noticed(self, worlds: list[World]) -> None:
        # Where there is one writer at a time, as in SQLite, everybody waits for everybody.
        unheld = replace(worlds[-1].clubs.visits, begin=worlds[-1].system.infrastructure.begin(Unheld))
        assert not await self._check_out_waits(worlds, unheld)
