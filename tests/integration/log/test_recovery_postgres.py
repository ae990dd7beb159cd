"""Crashes of the log's workers over a real Postgres."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.log.recovery import Recovery
from tests.support.databases import PostgresDatabase
from tests.support.world import World, world_at


@pytest.fixture
async def world(postgres_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(postgres_database.url, tmp_path) as world:
        yield world


class TestRecoveryOnPostgres(Recovery):
    pass
