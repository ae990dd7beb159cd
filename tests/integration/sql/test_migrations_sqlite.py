"""Migrations of a SQLite file."""

from pathlib import Path

import pytest

from adapters.outbound.sql.migrate import migrate, newest_revision
from tests.integration.sql.migrations import Migrations


@pytest.fixture
def owner_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'concordat.db'}"


@pytest.fixture
def another_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'another.db'}"


class TestMigrationsOfSqlite(Migrations):
    async def test_the_folder_is_made_when_it_is_not_there(self, tmp_path: Path) -> None:
        done = await migrate(f"sqlite:///{tmp_path / 'new' / 'folder' / 'concordat.db'}")
        assert done.after == newest_revision()
        assert done.url == f"sqlite:///{tmp_path / 'new' / 'folder' / 'concordat.db'}"
