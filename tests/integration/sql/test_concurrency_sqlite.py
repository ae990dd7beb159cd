"""Many at once in the one process of a SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.sql.concurrency import GUARDS, Concurrency
from tests.support.databases import sqlite_of
from tests.support.world import PATIENT, World, world_at


@pytest.fixture
async def worlds(sqlite_url: str, tmp_path: Path) -> AsyncIterator[list[World]]:
    async with world_at(sqlite_url, tmp_path / "world", **PATIENT) as world:
        yield [world]


@pytest.fixture
async def unguarded(worlds: list[World]) -> list[World]:
    async with sqlite_of(worlds[0].database).begin() as connection:
        for index in GUARDS:
            await connection.exec_driver_sql(f"DROP INDEX {index}")
    return worlds


class TestConcurrencyOnSqlite(Concurrency):
    pass
