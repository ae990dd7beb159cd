"""Crashes of the log's workers over a SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.log.recovery import Recovery
from tests.support.world import World, world_at


@pytest.fixture
async def world(sqlite_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(sqlite_url, tmp_path / "world") as world:
        yield world


class TestRecoveryOnSqlite(Recovery):
    pass
