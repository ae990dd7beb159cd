"""From the commit to the consumer in the one process of a SQLite file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.sql.delivery import Delivery
from tests.support.world import PATIENT, World, world_at


@pytest.fixture
async def worlds(sqlite_url: str, tmp_path: Path) -> AsyncIterator[list[World]]:
    async with world_at(sqlite_url, tmp_path / "world", **PATIENT) as world:
        yield [world]


class TestDeliveryOnSqlite(Delivery):
    lingers = False
