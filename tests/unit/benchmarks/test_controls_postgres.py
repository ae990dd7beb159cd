"""Controls do the same work: recorded check-ins replay to the same rows, bare FastAPI answers the same bytes."""

from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from prometheus_client import CollectorRegistry

from adapters.inbound.rest.edge.metrics import Metrics
from adapters.outbound.sql.tables import metadata
from benchmarks.check_ins import Prepared, prepare, record
from benchmarks.control import Reads, bare_app
from benchmarks.reads import LIST
from benchmarks.recording import Statement, Transaction, replaying
from benchmarks.stage import Stage, two_clubs
from concordat.edges import rest_app
from concordat.readiness import Readiness
from tests.support.databases import PostgresDatabase, PostgresTemplate

VISITS = 3


@pytest.fixture
def stage(postgres_template: PostgresTemplate, tmp_path: Path) -> Stage:
    return Stage(template=postgres_template, folder=tmp_path)


async def rows_of(database: PostgresDatabase) -> dict[str, list[str]]:
    """Every row of every table, as nobody in production can see them."""
    connection = await asyncpg.connect(database.superuser_url)
    try:
        return {
            table.name: sorted(map(repr, await connection.fetch(f'SELECT * FROM "{table.name}"')))  # noqa: S608
            for table in metadata.sorted_tables
        }
    finally:
        await connection.close()


async def replay(database: PostgresDatabase, transactions: list[Transaction]) -> dict[str, list[str]]:
    async with replaying(database.url, 1) as replayer:
        await replayer.run(transactions)
    return await rows_of(database)


async def recorded_check_ins(stage: Stage, database: PostgresDatabase, prepared: Prepared) -> list[Transaction]:
    async with stage.opened(database) as system:
        return await record(system, prepared.visits, prepared.token)


async def test_recorded_check_ins_replay_to_the_very_same_rows(stage: Stage) -> None:
    prepared = await prepare(stage, VISITS)
    before = await rows_of(prepared.database)
    with stage.copied(prepared.database) as first, stage.copied(prepared.database) as second:
        transactions = await recorded_check_ins(stage, first, prepared)
        assert len(transactions) == VISITS
        done = await rows_of(first)
        assert sum("checked_in" in row for row in done["visit"]) == VISITS
        assert len(done["answer"]) == VISITS
        assert await replay(second, transactions) == done
    assert await rows_of(prepared.database) == before


async def test_a_recording_that_lacks_a_statement_is_found(stage: Stage) -> None:
    prepared = await prepare(stage, 1)
    with stage.copied(prepared.database) as first, stage.copied(prepared.database) as second:
        (transaction,) = await recorded_check_ins(stage, first, prepared)
        done = await rows_of(first)
        lacking: list[Statement] = [each for each in transaction if "INSERT INTO disclosure" not in each.sql]
        assert len(lacking) < len(transaction)
        assert await replay(second, [lacking]) != done


async def test_bare_fastapi_answers_what_the_product_answers(stage: Stage) -> None:
    database = stage.template.copy()
    async with stage.opened(database) as system:
        desks = await two_clubs(system)
        members = await desks.members(60)
        product = rest_app(system, Readiness(system), Metrics(CollectorRegistry()))
        reads = Reads(database.url)
        home, host = desks.token(desks.home), desks.token(desks.host)
        async with reads.opened():
            bare = bare_app(reads, system.infrastructure.tokens)
            one = f"/v1/members/{members[0]}"
            ours, theirs = await get(product, one, home), await get(bare, one, home)
            assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
            ours, theirs = await get(product, LIST, home), await get(bare, LIST, home)
            assert len(ours.json()["data"]) == 50
            assert ours.json()["data"] == theirs.json()["data"]
            for token, status in ((host, 404), ("v4.public.AAAA.AAAA", 401)):
                assert (await get(product, one, token)).status_code == status
                assert (await get(bare, one, token)).status_code == status
            assert (await get(bare, LIST, host)).json()["data"] == []
    stage.template.server.drop_database(database.name)


async def get(app: Any, path: str, token: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://both") as client:
        return await client.get(path, headers={"Authorization": f"Bearer {token}"})
