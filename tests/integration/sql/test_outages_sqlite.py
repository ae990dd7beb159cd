"""What befalls a transaction on a SQLite file: an error that says what to do, and a key that settles it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from adapters.outbound.sql.meaning import Contended, meaning
from app.clubs.clubs import ClubView
from ports.caller import Caller
from ports.unit_of_work import Replayed, StoreUnavailable
from tests.contracts.worlds import name_of, rename
from tests.support.scenes import found
from tests.support.world import World, caller, world_at


@pytest.fixture
async def world(sqlite_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """A lock is waited for a fifth of a second."""
    async with world_at(sqlite_url, tmp_path / "world", lock_timeout_seconds=0.2) as world:
        yield world


@pytest.fixture
async def ann(world: World) -> Caller:
    return caller((await found(world)).id)


async def renamed_under(world: World, ann: Caller, key: str, name: str) -> None:
    async with world.begin(ann.under("rename", key)) as tx:
        tx.answer(await rename(tx, ann, name))


@contextmanager
def locked(world: World) -> Iterator[None]:
    """Another process has the write lock of the file."""
    path = world.system.settings.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_file_that_another_process_has_locked_is_unavailable_to_writers_alone(
    world: World, ann: Caller
) -> None:
    with locked(world):
        with pytest.raises(StoreUnavailable):
            await renamed_under(world, ann, "k1", "Haven")
        assert (await world.read.one(ann, ClubView, ann.of_club)).name == "Harbour"
    await renamed_under(world, ann, "k1", "Haven")


async def test_a_full_disk_makes_the_database_unavailable_and_leaves_nothing(world: World, ann: Caller) -> None:
    async with world.database.transaction(ann.club) as session:
        pages = (await session.connection.exec_driver_sql("PRAGMA page_count")).scalar()
        await session.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        for number in range(1000):
            await renamed_under(world, ann, f"k{number}", "Haven" * 20)
    async with world.database.transaction(ann.club) as session:
        await session.connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    version = (await world.read.one(ann, ClubView, ann.of_club)).version
    with pytest.raises(Replayed):
        await renamed_under(world, ann, "k0", "Haven" * 20)
    await renamed_under(world, ann, f"k{version - 1}", "Haven" * 20)
    assert (await world.read.one(ann, ClubView, ann.of_club)).version == version + 1


async def test_whoever_waits_too_long_for_the_writer_is_told_to_try_again(world: World, ann: Caller) -> None:
    async with world.begin(ann):
        async with asyncio.timeout(10):
            with pytest.raises(Contended):
                await renamed_under(world, ann, "k1", "Haven")
    await renamed_under(world, ann, "k1", "Haven")
    assert await name_of(world, ann) == "Haven"


async def test_readers_wait_for_no_writer(world: World, ann: Caller) -> None:
    async with world.begin(ann) as tx:
        await rename(tx, ann, "Haven")
        assert (await world.read.one(ann, ClubView, ann.of_club)).name == "Harbour"
    assert (await world.read.one(ann, ClubView, ann.of_club)).name == "Haven"


async def test_a_file_that_cannot_be_opened_is_named_as_the_reason(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    async with world_at(f"sqlite:///{tmp_path}/folder.db", tmp_path / "world") as world:
        with pytest.raises(StoreUnavailable, match="its file cannot be opened"):
            async with world.database.transaction(None):
                pass


DAMAGED: Mapping[str, Callable[[bytes], bytes]] = {
    "something else": lambda page: b"no database" * 1000,
    "a broken header": lambda page: page[:50] + b"\xff" * 50 + page[100:],
    "a page of zeros": lambda page: page[:100] + bytes(len(page) - 100),
}


@pytest.mark.parametrize("name", DAMAGED)
async def test_a_file_that_is_damaged_is_named_as_the_reason(tmp_path: Path, name: str) -> None:
    path = tmp_path / "damaged.db"
    with closing(sqlite3.connect(path)) as sound:
        sound.execute("CREATE TABLE a (b TEXT)")
    path.write_bytes(DAMAGED[name](path.read_bytes()))
    async with world_at(f"sqlite:///{path}", tmp_path / "world") as world:
        with pytest.raises(StoreUnavailable, match="its file is damaged"):
            async with world.database.transaction(None) as session:
                await session.connection.exec_driver_sql("SELECT * FROM a")


async def test_each_way_in_which_a_file_cannot_be_written_is_the_same_reason() -> None:
    """SQLite has a code for each; a folder in which no journal can be made is one that no test of root's can have."""
    said = sqlite3.OperationalError("attempt to write a readonly database")
    said.sqlite_errorcode = sqlite3.SQLITE_READONLY_DIRECTORY
    with pytest.raises(StoreUnavailable, match="its file cannot be written"):
        async with meaning():
            raise OperationalError("INSERT", {}, said)


async def test_a_table_that_is_not_there_is_a_defect_and_no_outage_that_a_retry_mends(
    sqlite_url: str, tmp_path: Path
) -> None:
    """As after a migration that was forgotten: whoever made it reads the statement, and no advice to come again."""
    async with world_at(sqlite_url, tmp_path / "world") as world:
        with pytest.raises(OperationalError, match="no such table: dress_code"):
            async with world.database.transaction(None) as session:
                await session.connection.exec_driver_sql("SELECT * FROM dress_code")
