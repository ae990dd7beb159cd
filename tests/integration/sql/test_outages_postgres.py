"""What befalls a transaction on a real Postgres: an error that says what to do, and a key that settles it."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Integer, column, func, select, table
from sqlalchemy.engine import URL, make_url

from adapters.outbound.sql.meaning import Contended
from adapters.outbound.sql.migrate import migrate
from app.clubs.clubs import AmendClub, ClubView
from app.clubs.visits import CheckIn, Decision
from ports.caller import Caller
from ports.unit_of_work import Replayed, StoreUnavailable
from tests.contracts.worlds import name_of, rename
from tests.support.databases import PostgresDatabase
from tests.support.postgres import PostgresServer
from tests.support.proxy import Cut, Proxy
from tests.support.scenes import found, two_clubs
from tests.support.world import World, caller, world_at

_ON_SESSIONS = """SELECT {} FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'concordat'"""


@pytest.fixture
async def world(shared_postgres_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[World]:
    """Two connections, each waited for a fifth of a second; a statement may take one second, a lock half of it."""
    async with world_at(
        shared_postgres_database.url,
        tmp_path,
        pool_size=2,
        acquire_timeout_seconds=0.2,
        statement_timeout_seconds=1,
        lock_timeout_seconds=0.5,
    ) as world:
        yield world


@pytest.fixture
async def ann(world: World) -> Caller:
    return caller((await found(world)).id)


@asynccontextmanager
async def through(database: PostgresDatabase, folder: Path) -> AsyncIterator[tuple[World, Proxy]]:
    """A world that reaches its database through a proxy."""
    async with Proxy(target=database.server.port) as proxy:
        url = make_url(database.url).set(port=proxy.port).render_as_string(hide_password=False)
        async with world_at(url, folder) as world:
            yield world, proxy


async def check_in(world: World, once: Caller, visit: Any) -> Decision | Replayed:
    try:
        return await world.clubs.visits.check_in(once, visit.id, CheckIn())
    except Replayed as replay:
        return replay


@pytest.mark.parametrize("cut", Cut)
async def test_the_same_key_settles_a_commit_whose_outcome_is_unknown(
    shared_postgres_database: PostgresDatabase, tmp_path: Path, cut: Cut
) -> None:
    async with through(shared_postgres_database, tmp_path) as (world, proxy):
        scene = await two_clubs(world)
        visit = await scene.confirmed((await scene.member()).id)
        once = scene.host.under("check_in", "k1", visit.id)
        proxy.cut(cut, b"COMMIT")
        with pytest.raises(StoreUnavailable):
            await world.clubs.visits.check_in(once, visit.id, CheckIn())
        assert proxy.cuts == 1
        settled = await check_in(world, once, visit)
        assert isinstance(settled, Replayed if cut is Cut.AFTER else Decision)
        assert isinstance(await check_in(world, once, visit), Replayed)
        assert (await world.clubs.visits.get(scene.home, visit.id)).version == 3


@pytest.mark.parametrize("words", [b"set_config", b"UPDATE visit", b"INSERT INTO event", b"pg_try_advisory_xact_lock"])
async def test_a_connection_that_is_lost_before_the_commit_leaves_nothing(
    shared_postgres_database: PostgresDatabase, tmp_path: Path, words: bytes
) -> None:
    async with through(shared_postgres_database, tmp_path) as (world, proxy):
        scene = await two_clubs(world)
        visit = await scene.confirmed((await scene.member()).id)
        once = scene.host.under("check_in", "k1", visit.id)
        await world.database.close()
        proxy.cut(Cut.AFTER, words)
        with pytest.raises(StoreUnavailable):
            await world.clubs.visits.check_in(once, visit.id, CheckIn())
        assert proxy.cuts == 1
        assert (await world.clubs.visits.get(scene.home, visit.id)).version == 2
        assert isinstance(await check_in(world, once, visit), Decision)


async def test_a_backend_that_is_killed_in_a_transaction_makes_the_database_unavailable(
    world: World, ann: Caller, shared_postgres_database: PostgresDatabase
) -> None:
    once = ann.under("rename", "k1")
    with pytest.raises(StoreUnavailable):
        async with world.begin(once) as tx:
            await rename(tx, ann, "Haven")
            backend = await tx.session.value(select(func.pg_backend_pid()))
            await asyncio.to_thread(
                shared_postgres_database.server.execute, f"SELECT pg_terminate_backend({backend}, 1000)"
            )
            tx.answer(await tx.clubs.get(ann.of_club))
    assert await name_of(world, ann) == "Harbour"
    async with world.begin(once) as tx:
        tx.answer(await rename(tx, ann, "Quay"))
    assert await name_of(world, ann) == "Quay"


async def test_a_backend_that_is_killed_while_idle_costs_one_request_at_most(
    world: World, ann: Caller, shared_postgres_database: PostgresDatabase
) -> None:
    database = shared_postgres_database
    await asyncio.gather(*(name_of(world, ann) for _ in range(2)))
    await world.clubs.clubs.get(ann, ann.of_club)
    await asyncio.to_thread(
        database.server.execute, _ON_SESSIONS.format("pg_terminate_backend(pid, 1000)"), database.name
    )
    failed = 0
    for _ in range(3):
        try:
            await name_of(world, ann)
        except StoreUnavailable:
            failed += 1
    assert failed <= 1
    for _ in range(3):
        try:
            await world.read.one(ann, ClubView, ann.of_club)
        except StoreUnavailable:
            failed += 1
    assert failed <= 2
    assert await name_of(world, ann) == "Harbour"


async def test_a_pool_without_a_free_connection_makes_the_database_unavailable_at_once(
    world: World, ann: Caller
) -> None:
    async with world.begin(ann), world.begin(ann):
        async with asyncio.timeout(10):
            with pytest.raises(StoreUnavailable):
                async with world.begin(ann):
                    raise AssertionError("there is no third connection")
    assert await name_of(world, ann) == "Harbour"


async def test_whoever_waits_too_long_for_a_lock_is_told_to_try_again(world: World, ann: Caller) -> None:
    async with world.begin(ann) as first:
        await first.clubs.get(ann.of_club)
        with pytest.raises(Contended):
            await world.clubs.clubs.amend(ann, ann.of_club, AmendClub(name="Quay"))
    assert (await world.clubs.clubs.amend(ann, ann.of_club, AmendClub(name="Quay"))).version == 2


async def test_a_deadlock_is_told_to_one_and_the_other_goes_on(world: World, ann: Caller) -> None:
    one, two = (f"lock {name} {ann.of_club}" for name in ("one", "two"))
    held = asyncio.Barrier(2)

    async def take(first: str, second: str) -> None:
        async with world.database.transaction(ann.club) as session:
            # Postgres looks for deadlocks after a second.
            await session.connection.execute("SET LOCAL lock_timeout = '20s'")
            await session.connection.execute("SET LOCAL statement_timeout = '20s'")
            await session.lock(first)
            await held.wait()
            await session.lock(second)

    outcomes = await asyncio.gather(take(one, two), take(two, one), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Contended", "NoneType"]


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (lambda url: url.set(password="wrong"), "does not accept the role or its password"),
        (lambda url: url.set(database="nosuch"), "has no database of that name"),
    ],
)
async def test_a_database_that_lets_nobody_in_says_why(
    shared_postgres_database: PostgresDatabase, tmp_path: Path, spoilt: Callable[[URL], URL], reason: str
) -> None:
    url = spoilt(make_url(shared_postgres_database.url)).render_as_string(hide_password=False)
    async with world_at(url, tmp_path) as world:
        with pytest.raises(StoreUnavailable, match=reason):
            async with world.database.transaction(None):
                pass
        with pytest.raises(StoreUnavailable, match=reason):
            await world.database.rows(None, select(func.now().label("now")))


async def test_a_statement_that_takes_too_long_makes_the_database_unavailable(world: World, ann: Caller) -> None:
    with pytest.raises(StoreUnavailable):
        async with world.begin(ann) as tx:
            await rename(tx, ann, "Haven")
            await tx.session.value(select(func.pg_sleep(5)))
    with pytest.raises(StoreUnavailable):
        await world.database.rows(ann.club, select(func.pg_sleep(5).label("slept")))
    assert await name_of(world, ann) == "Harbour"


async def test_a_fault_in_a_statement_is_no_outage(world: World, ann: Caller) -> None:
    for fault in ("SELECT nothing", "SELECT 1/0", "SELECT 'x'::int"):
        with pytest.raises(Exception, match=r"(?i)does not exist|division|invalid input") as raised:
            async with world.database.transaction(ann.club) as session:
                await session.connection.execute(fault)
        assert not isinstance(raised.value, StoreUnavailable | Contended)


async def test_requests_that_are_given_up_leave_nothing_open(
    world: World, ann: Caller, shared_postgres_database: PostgresDatabase
) -> None:
    async def slow() -> None:
        async with world.begin(ann) as tx:
            await rename(tx, ann, "Haven")
            await tx.session.value(select(func.pg_sleep(0.5)))

    for _ in range(3):
        tasks = [asyncio.create_task(slow()) for _ in range(2)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        assert {type(outcome) for outcome in await asyncio.gather(*tasks, return_exceptions=True)} == {
            asyncio.CancelledError
        }
    assert await name_of(world, ann) == "Harbour"
    await asyncio.to_thread(_until_idle, shared_postgres_database)


@contextmanager
def silent(backends: Sequence[int]) -> Iterator[None]:
    """These processes of the server answer nothing meanwhile, not even that a statement is to be given up."""
    for backend in backends:
        os.kill(backend, signal.SIGSTOP)
    try:
        yield
    finally:
        for backend in backends:
            os.kill(backend, signal.SIGCONT)


async def backends(world: World) -> Sequence[int]:
    """Both connections' processes."""
    pid = select(func.pg_backend_pid())
    async with world.database.reading(None) as one, world.database.reading(None) as two:
        return [await one.value(pid), await two.value(pid)]


async def test_a_connection_that_is_still_being_given_up_is_not_free(world: World, ann: Caller) -> None:
    with silent(await backends(world)):
        given_up = [asyncio.create_task(name_of(world, ann)) for _ in range(2)]
        await asyncio.sleep(0.05)
        for task in given_up:
            task.cancel()
        await asyncio.sleep(0.05)
        with pytest.raises(StoreUnavailable, match="no connection was free in time"):
            await name_of(world, ann)
    outcomes = await asyncio.gather(*given_up, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, asyncio.CancelledError]
    assert await name_of(world, ann) == "Harbour"


async def test_a_request_that_is_given_up_while_it_begins_is_nothing_to_complain_of(world: World, ann: Caller) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, complaint: complaints.append(complaint))
    with silent(await backends(world)):
        given_up = asyncio.create_task(name_of(world, ann))
        await asyncio.sleep(0.05)
        given_up.cancel()
        await asyncio.sleep(0.05)
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert await name_of(world, ann) == "Harbour"
    assert complaints == []


async def test_nobody_waits_for_the_connection_that_another_one_tries_to_get(tmp_path: Path) -> None:
    arrived = asyncio.Barrier(3)

    async def hang_up(_client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        await arrived.wait()
        client_out.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with world_at(f"postgresql://nobody@127.0.0.1:{port}/nothing", tmp_path) as world:
            reads = [world.database.rows(None, select(func.now().label("now"))) for _ in range(3)]
            # All three are there before the first of them is told that nothing comes of it.
            async with asyncio.timeout(4):
                outcomes = await asyncio.gather(*reads, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 3


async def test_a_table_that_was_altered_under_a_prepared_statement_costs_one_request(
    world: World, shared_postgres_database: PostgresDatabase
) -> None:
    execute, name = shared_postgres_database.server.execute, shared_postgres_database.name
    await asyncio.to_thread(execute, "CREATE TABLE altered AS SELECT 1 AS number", name)
    await asyncio.to_thread(execute, "GRANT SELECT ON altered TO PUBLIC", name)
    reading = select(table("altered", column("number", Integer)))
    assert await world.database.rows(None, reading) == [{"number": 1}]
    await asyncio.to_thread(execute, "ALTER TABLE altered ALTER COLUMN number TYPE bigint", name)
    with pytest.raises(StoreUnavailable):
        await world.database.rows(None, reading)
    assert await world.database.rows(None, reading) == [{"number": 1}]


def _until_idle(database: PostgresDatabase) -> None:
    for _ in range(200):
        if database.server.execute(_ON_SESSIONS.format("count(*)") + " AND state <> 'idle'", database.name) == "0":
            return
        time.sleep(0.05)
    raise AssertionError("a session has a transaction open")


async def test_a_server_that_was_killed_is_used_again_once_it_is_back(tmp_path: Path) -> None:
    with PostgresServer() as server:
        url = (await migrate(server.create_database("killed"))).url
        async with world_at(url, tmp_path) as world:
            ann = caller((await found(world)).id)
            await renamed_under(world, ann, "k1", "Haven")
            server.kill()
            with pytest.raises(StoreUnavailable):
                await renamed_under(world, ann, "k2", "Quay")
            with pytest.raises(StoreUnavailable):
                await world.read.one(ann, ClubView, ann.of_club)
            server.start()
            with pytest.raises(Replayed):
                await renamed_under(world, ann, "k1", "Haven")
            await renamed_under(world, ann, "k2", "Quay")
            assert (await world.read.one(ann, ClubView, ann.of_club)).name == "Quay"


async def renamed_under(world: World, ann: Caller, key: str, name: str) -> None:
    async with world.begin(ann.under("rename", key)) as tx:
        tx.answer(await rename(tx, ann, name))
