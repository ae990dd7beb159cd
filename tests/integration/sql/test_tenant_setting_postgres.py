"""The tenant is named by every transaction and ends with it; a session-level one would be noticed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app.clubs.clubs import ClubView
from tests.support.databases import PostgresDatabase
from tests.support.scenes import found
from tests.support.world import World, caller, world_at

_SETTING = text("SELECT current_setting('app.club_id', true)")


@pytest.fixture
async def world(shared_postgres_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[World]:
    """With the smallest pool there is, so that transactions get connections that others have left."""
    async with world_at(shared_postgres_database.url, tmp_path, pool_size=2) as world:
        yield world


async def left_behind(world: World) -> str:
    """What the tenant is on every pooled connection before a transaction names one."""
    dialect: Any = world.database.dialect
    pool = dialect._pool
    drivers = [await pool.acquire() for _ in range(2)]
    try:
        return "".join(
            {await driver.fetchval("SELECT current_setting('app.club_id', true)") or "" for driver in drivers}
        )
    finally:
        for driver in drivers:
            await pool.release(driver)


async def test_tenant_is_the_transaction_s_own(world: World) -> None:
    for club in (world.new_id(), None, world.new_id()):
        async with world.database.transaction(club) as session:
            assert await session.value(_SETTING) == str(club or "")


async def test_tenant_ends_with_its_transaction(world: World) -> None:
    club = caller((await found(world)).id)
    assert await left_behind(world) == ""
    with pytest.raises(ZeroDivisionError):
        async with world.begin(club) as tx:
            await tx.clubs.get(club.of_club)
            raise ZeroDivisionError
    assert await left_behind(world) == ""


async def test_tenant_of_a_single_read_ends_with_it(world: World) -> None:
    club = await found(world)
    assert await world.read.one(caller(club.id), ClubView, club.id) == club
    rows = await world.database.rows(None, select(func.current_setting("app.club_id", True).label("left")))
    assert [dict(row) for row in rows] == [{"left": ""}]


async def test_setting_of_the_whole_session_would_be_noticed(world: World) -> None:
    club = world.new_id()
    async with world.database.transaction(club) as session:
        await session.connection.execute(f"SELECT set_config('app.club_id', '{club}', false)")
    assert await left_behind(world) == str(club)


async def test_sessions_carry_the_timeouts_of_the_settings(
    shared_postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    database = shared_postgres_database
    async with world_at(database.url, tmp_path, statement_timeout_seconds=7, lock_timeout_seconds=2) as world:
        shown = {}
        async with world.database.transaction(None) as session:
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
                shown[name] = await session.value(text(f"SHOW {name}"))
    assert shown == {
        "statement_timeout": "7s",
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "15s",
    }
