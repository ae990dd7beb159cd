"""A real Postgres database that is set back."""

from pathlib import Path

import asyncpg
import pytest

from tests.integration.log.at_odds import AtOdds
from tests.integration.log.both_signing import BothSigning
from tests.integration.log.rebuilding import Rebuilding
from tests.integration.log.restoring import Restoring, Stage
from tests.integration.log.rotating import Rotating
from tests.support.databases import PostgresDatabase


class PostgresStage(Stage):
    def __init__(self, database: PostgresDatabase, folder: Path) -> None:
        super().__init__(database.url, folder)
        self._server, self._name = database.server, database.name

    def back_up(self) -> None:
        self._server.create_database(f"{self._name}_backup", template=self._name)

    def restore(self) -> None:
        self._server.drop_database(self._name)
        self._server.create_database(self._name, template=f"{self._name}_backup")

    async def tamper(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.superuser_url(self._name))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture
def stage(postgres_database: PostgresDatabase, tmp_path: Path) -> Stage:
    return PostgresStage(postgres_database, tmp_path)


class TestRestoringOnPostgres(Restoring):
    pass


class TestRebuildingOnPostgres(Rebuilding):
    pass


class TestRotatingOnPostgres(Rotating):
    pass


class TestAtOddsOnPostgres(AtOdds):
    pass


class TestBothSigningOnPostgres(BothSigning):
    pass
