"""A network of two clubs for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.rest.served import Served, served_at
from tests.support.databases import MEMORY


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with served_at(MEMORY, tmp_path / "data") as served:
        yield served
