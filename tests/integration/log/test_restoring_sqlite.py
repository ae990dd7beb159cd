"""A SQLite file that is set back."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.log.at_odds import AtOdds
from tests.integration.log.both_signing import BothSigning
from tests.integration.log.rebuilding import Rebuilding
from tests.integration.log.restoring import Restoring, Stage
from tests.integration.log.rotating import Rotating


class SqliteStage(Stage):
    @property
    def _file(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    def back_up(self) -> None:
        shutil.copy(self._file, self._file.with_suffix(".backup"))

    def restore(self) -> None:
        for part in ("-wal", "-shm"):
            self._file.with_name(f"{self._file.name}{part}").unlink(missing_ok=True)
        shutil.copy(self._file.with_suffix(".backup"), self._file)

    async def tamper(self, statement: str) -> None:
        with closing(sqlite3.connect(self._file)) as connection:
            connection.execute(statement)
            connection.commit()


@pytest.fixture
def stage(sqlite_url: str, tmp_path: Path) -> Stage:
    return SqliteStage(sqlite_url, tmp_path / "world")


class TestRestoringOnSqlite(Restoring):
    pass


class TestRebuildingOnSqlite(Rebuilding):
    pass


class TestRotatingOnSqlite(Rotating):
    pass


class TestAtOddsOnSqlite(AtOdds):
    pass


class TestBothSigningOnSqlite(BothSigning):
    pass
