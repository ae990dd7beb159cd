"""`concordat log rebuild` needs the worker's lock."""

import pytest

from concordat.commands.rebuild import alone_with_logs
from concordat.failures import Failure
from concordat.locks import PostgresWorkerLock
from concordat.settings import load
from tests.support.databases import PostgresDatabase


async def test_rebuild_does_not_run_beside_a_worker_on_postgres(postgres_database: PostgresDatabase) -> None:
    settings = load(profile="local", database_url=postgres_database.url)
    worker = PostgresWorkerLock(postgres_database.url)
    assert await worker.acquire()
    with pytest.raises(Failure) as refusal:
        async with alone_with_logs(settings):
            pass
    assert "There is a worker already" in refusal.value.sentence and "Stop it" in refusal.value.advice
    await worker.release()
    async with alone_with_logs(settings):
        assert not await worker.acquire()
    assert await worker.acquire()
    await worker.release()
