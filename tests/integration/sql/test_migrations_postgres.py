"""Migrations of a real Postgres, and the runtime role that they make."""

import secrets
from collections.abc import Iterator

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from adapters.outbound.sql.migrate import RUNTIME_ROLE, migrate
from tests.integration.sql.catalogue import findings
from tests.integration.sql.migrations import Migrations
from tests.support.databases import PostgresTemplate
from tests.support.postgres import PostgresServer


def _empty(server: PostgresServer) -> Iterator[str]:
    name = f"empty_{secrets.token_hex(6)}"
    yield server.create_database(name)
    server.drop_database(name)


@pytest.fixture
def owner_url(postgres: PostgresServer) -> Iterator[str]:
    yield from _empty(postgres)


@pytest.fixture
def another_url(postgres: PostgresServer) -> Iterator[str]:
    yield from _empty(postgres)


class TestMigrationsOfPostgres(Migrations):
    pass


@pytest.fixture
def fresh() -> Iterator[str]:
    """The owner's URL on a server of its own, which has no runtime role yet."""
    with PostgresServer() as server:
        yield server.create_database("fresh")


async def _connects(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.InvalidPasswordError:
        return False
    try:
        return bool(await connection.fetchval("SELECT current_user = $1", RUNTIME_ROLE))
    finally:
        await connection.close()


async def test_runtime_role_gets_a_random_password_that_is_shown_once(fresh: str) -> None:
    first = await migrate(fresh)
    assert await _connects(first.url)
    assert len(make_url(first.url).password or "") >= 24
    second = await migrate(fresh)
    assert not make_url(second.url).password
    assert make_url(second.url).username == RUNTIME_ROLE
    assert await _connects(first.url)
    assert not await _connects(second.url)


async def test_password_that_is_given_becomes_the_role_s(fresh: str) -> None:
    old = await migrate(fresh, password='it\'s \\ "quoted" %s :p é')
    assert await _connects(old.url)
    new = await migrate(fresh, password="another")
    assert await _connects(new.url)
    assert not await _connects(old.url)


async def test_rights_that_a_role_has_had_before_are_taken_back(
    owner_url: str, postgres_template: PostgresTemplate
) -> None:
    await migrate(owner_url, password=postgres_template.password)
    name = make_url(owner_url).database or ""
    server = postgres_template.server
    server.execute(f"GRANT UPDATE, DELETE, TRUNCATE ON event TO {RUNTIME_ROLE}", name)
    server.execute(f"GRANT UPDATE ON SEQUENCE pending_sequence_seq TO {RUNTIME_ROLE}", name)
    await migrate(owner_url, password=postgres_template.password)
    connection = await asyncpg.connect(server.superuser_url(name))
    try:
        assert await findings(connection) == []
    finally:
        await connection.close()
