"""The worker lock on a real Postgres: one worker, whoever loses the session loses the lock."""

import asyncio
import os

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from concordat.failures import Failure
from concordat.locks import PostgresWorkerLock, worker_lock
from ports.unit_of_work import StoreUnavailable
from tests.support.postgres import PostgresServer


async def test_second_worker_on_postgres_is_told_who_the_first_one_is(postgres: PostgresServer) -> None:
    url = postgres.superuser_url()
    first = await worker_lock(url)
    assert first.held
    with pytest.raises(Failure, match=f":{os.getpid()}"):
        await worker_lock(url)
    await first.release()
    second = await worker_lock(url)
    await second.release()
    assert not second.held


async def test_worker_that_postgres_does_not_let_in_is_told_why(postgres: PostgresServer) -> None:
    url = make_url(postgres.superuser_url()).set(password="wrong").render_as_string(hide_password=False)
    with pytest.raises(StoreUnavailable, match="does not accept the role or its password"):
        await worker_lock(url)


async def kept(lock: PostgresWorkerLock) -> bool:
    await lock.keep()
    return lock.held


class Parting:
    """A connection whose server has said farewell, and which has not ended yet."""

    async def fetchval(self, _statement: str) -> object:
        raise asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress")

    def is_closed(self) -> bool:
        return False

    def terminate(self) -> None:
        """It ends."""


async def test_worker_whose_session_is_just_being_ended_takes_the_lock_again(postgres: PostgresServer) -> None:
    lock = PostgresWorkerLock(postgres.superuser_url())
    lock._connection = Parting()
    assert await kept(lock)
    await lock.release()


async def test_worker_that_loses_its_session_stops_holding_and_takes_the_lock_again(postgres: PostgresServer) -> None:
    lock = PostgresWorkerLock(postgres.superuser_url())
    assert await lock.acquire()
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'concordat worker%'"
    await asyncio.to_thread(postgres.execute, ended)
    other = PostgresWorkerLock(postgres.superuser_url())
    assert await other.acquire()
    held = [await kept(lock)]
    await other.release()
    held.append(await kept(lock))
    assert held == [False, True]
    await lock.release()
