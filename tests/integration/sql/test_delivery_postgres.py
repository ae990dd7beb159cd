"""From the commit to the consumer across two processes of a real Postgres."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.sql.delivery import Delivery
from tests.support.databases import PostgresDatabase
from tests.support.world import PATIENT, World, world_at


@pytest.fixture
async def worlds(postgres_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[list[World]]:
    url = postgres_database.url
    async with world_at(url, tmp_path / "one", **PATIENT) as one, world_at(url, tmp_path / "two", **PATIENT) as two:
        yield [one, two]


class TestDeliveryOnPostgres(Delivery):
    lingers = True
