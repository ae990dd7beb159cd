"""Many at once in two processes of a real Postgres."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.sql.concurrency import PATIENT, Concurrency
from tests.support.databases import PostgresDatabase
from tests.support.world import Clock, World, world_at


@pytest.fixture
async def worlds(shared_postgres_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[list[World]]:
    url, shared = shared_postgres_database.url, {"now": Clock()}
    async with (
        world_at(url, tmp_path / "one", overrides=shared, **PATIENT) as one,
        world_at(url, tmp_path / "two", overrides=shared, **PATIENT) as two,
    ):
        yield [one, two]


class TestConcurrencyOnPostgres(Concurrency):
    pass
