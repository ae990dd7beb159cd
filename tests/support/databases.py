"""Migrated databases for tests: SQLite in memory and in a file, and Postgres as copies of one migrated template."""

import asyncio
import secrets
import shutil
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.outbound.sql.database import Database
from adapters.outbound.sql.migrate import RUNTIME_ROLE, migrate
from adapters.outbound.sql.sqlite import Sqlite
from tests.support.postgres import PostgresServer

MEMORY = "sqlite://"
"""A database that ends with the engine that opens it; `tests.support.world` makes its tables."""

_TEMPLATE = "concordat_template"
T = TypeVar("T")


def sqlite_of(database: Database) -> AsyncEngine:
    """For tests that put their hands into a SQLite database, past what the adapter lets through."""
    assert isinstance(database.dialect, Sqlite)
    return database.dialect.engine


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresDatabase:
    """One migrated database: `url` is the runtime role's, `owner_url` that of whoever migrates."""

    server: PostgresServer
    name: str
    url: str

    @property
    def owner_url(self) -> str:
        return self.server.owner_url(self.name)

    @property
    def superuser_url(self) -> str:
        """For looking behind row-level security: a test that decides by it decides as nobody in production can."""
        return self.server.superuser_url(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresTemplate:
    """A migrated database that nobody connects to; copying it takes some 20 ms, migrating a new one half a second."""

    server: PostgresServer
    password: str

    def url(self, name: str) -> str:
        """As the runtime role, of which a server has one for all its databases."""
        return f"postgresql://{RUNTIME_ROLE}:{self.password}@127.0.0.1:{self.server.port}/{name}"

    def copy(self, source: str = _TEMPLATE) -> PostgresDatabase:
        name = f"copy_{secrets.token_hex(6)}"
        self.server.create_database(name, template=source)
        return PostgresDatabase(server=self.server, name=name, url=self.url(name))

    @contextmanager
    def copied(self) -> Iterator[PostgresDatabase]:
        copy = self.copy()
        try:
            yield copy
        finally:
            self.server.drop_database(copy.name)


def apart(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end in a loop of its own, wherever the caller stands."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    apart(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated file of this test's own."""
    path = tmp_path / "concordat.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> PostgresTemplate:
    return _migrated(postgres)


@cache
def _migrated(server: PostgresServer) -> PostgresTemplate:
    """Once for each server: every conftest that imports the fixture has one of its own, and would migrate again."""
    password = secrets.token_urlsafe(16)
    apart(migrate(server.create_database(_TEMPLATE), password=password))
    return PostgresTemplate(server=server, password=password)


@pytest.fixture
def postgres_database(postgres_template: PostgresTemplate) -> Iterator[PostgresDatabase]:
    """A migrated database of this test's own."""
    with postgres_template.copied() as database:
        yield database


@pytest.fixture(scope="module")
def shared_postgres_database(postgres_template: PostgresTemplate) -> Iterator[PostgresDatabase]:
    """A migrated database for all tests of a file, whose clubs keep out of each other's way."""
    with postgres_template.copied() as database:
        yield database
