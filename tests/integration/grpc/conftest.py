"""A network of two clubs for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.grpc.network import Network, network_at
from tests.support.databases import postgres_database, postgres_template, sqlite_template, sqlite_url

__all__ = ["postgres_database", "postgres_template", "sqlite_template", "sqlite_url"]


@pytest.fixture
async def network(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Network]:
    async with network_at(sqlite_url, tmp_path / "data") as network:
        yield network
