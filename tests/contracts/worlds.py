"""What the suites of the SQL ports stand on: a world over the database that the backend names, and scenes in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.clubs.club import Club
from ports.caller import Caller
from ports.clubs import ClubsTx
from tests.support.databases import MEMORY, PostgresDatabase
from tests.support.scenes import Scene, amended, found, two_clubs
from tests.support.world import World, caller, world_at


class InWorlds:
    """`make` names the migrated database; every test has clubs of its own in it."""

    def make(self, request: pytest.FixtureRequest) -> str:
        raise NotImplementedError

    @pytest.fixture
    async def world(self, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
        async with world_at(self.make(request), tmp_path / "world") as world:
            yield world

    @pytest.fixture
    async def scene(self, world: World) -> Scene:
        return await two_clubs(world)

    @pytest.fixture
    async def ann(self, world: World) -> Caller:
        """Somebody of a new club, Harbour."""
        return caller((await found(world)).id)


class InMemory:
    def make(self, request: pytest.FixtureRequest) -> str:
        return MEMORY


class InFile:
    def make(self, request: pytest.FixtureRequest) -> str:
        url: str = request.getfixturevalue("sqlite_url")
        return url


class InPostgres:
    def make(self, request: pytest.FixtureRequest) -> str:
        database: PostgresDatabase = request.getfixturevalue("shared_postgres_database")
        return database.url


async def rename(tx: ClubsTx, caller: Caller, name: str) -> Club:
    """A change of the caller's club, with its event."""
    club, events = amended(await tx.clubs.get(caller.of_club), name=name)
    await tx.clubs.save(club)
    tx.emit(*events)
    return club


async def renamed(world: World, caller: Caller, *names: str) -> None:
    """Changes of the caller's club, one transaction each."""
    for name in names:
        async with world.begin(caller) as tx:
            await rename(tx, caller, name)


async def name_of(world: World, caller: Caller) -> str:
    """The name that the caller's club has for everybody now."""
    async with world.begin(caller) as tx:
        return (await tx.clubs.get(caller.of_club)).name
