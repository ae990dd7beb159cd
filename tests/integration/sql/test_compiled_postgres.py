"""Statements that go past SQLAlchemy's execution: the same rows, values and errors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import Select, bindparam, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.outbound.sql import schema, visits
from adapters.outbound.sql.compiled import compiled
from adapters.outbound.sql.database import TENANT, mine
from adapters.outbound.sql.postgres import MANY, owners_engine
from adapters.outbound.sql.unit_of_work import SqlTx
from core.clubs.visit_states import VisitState
from ports.unit_of_work import StoreUnavailable
from shared.errors import ConcordatError
from tests.support.databases import PostgresDatabase
from tests.support.scenes import Scene, found, two_clubs
from tests.support.world import World, caller, world_at

VISITS_IN = (
    select(visits.visit.c.id, visits.visit.c.state)
    .where(visits.visit.c.state.in_(bindparam("states", expanding=True)), mine(visits.visit))
    .order_by(visits.visit.c.id)
)


@pytest.fixture
async def world(shared_postgres_database: PostgresDatabase, tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(shared_postgres_database.url, tmp_path, pool_size=2) as world:
        yield world


class Usual:
    """SQLAlchemy's own execution, as the same role and for the same tenant: what ours has to equal."""

    def __init__(self, connection: AsyncConnection, tenant: UUID) -> None:
        self._connection = connection
        self._tenant = tenant

    async def all(self, statement: Select[Any], **given: Any) -> list[dict[str, Any]]:
        done = await self._connection.execute(statement, {TENANT.key: self._tenant, **given})
        return [dict(row) for row in done.mappings()]


@asynccontextmanager
async def usually(database: PostgresDatabase, tenant: UUID) -> AsyncIterator[Usual]:
    engine = owners_engine(database.url)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT set_config('app.club_id', '{tenant}', true)")
        yield Usual(connection, tenant)
    await engine.dispose()


async def one_visit_each(scene: Scene) -> None:
    await scene.requested((await scene.member()).id)
    await scene.checked_in((await scene.member()).id)


async def test_rows_are_those_of_sqlalchemy_in_value_and_type(
    world: World, shared_postgres_database: PostgresDatabase
) -> None:
    scene = await two_clubs(world)
    await one_visit_each(scene)
    everything = [
        select(table).where(mine(table)) for table in schema.metadata.sorted_tables if "parties" in table.info
    ]
    home = scene.home.of_club
    async with usually(shared_postgres_database, home) as usual, world.database.transaction(home) as session:
        for statement in everything:
            rows, expected = await session.all(statement), await usual.all(statement)
            assert rows == expected
            assert [[type(value) for value in row.values()] for row in rows] == [
                [type(value) for value in row.values()] for row in expected
            ]
        assert sum([len(await session.all(statement)) for statement in everything]) > 20


@pytest.mark.parametrize(
    "states",
    [(), (VisitState.REQUESTED,), (VisitState.REQUESTED, VisitState.CHECKED_IN), ("no such state",)],
    ids=lambda states: f"{len(states)}",
)
async def test_a_list_of_values_is_one_parameter_and_finds_the_same(
    world: World, shared_postgres_database: PostgresDatabase, states: tuple[Any, ...]
) -> None:
    scene = await two_clubs(world)
    await one_visit_each(scene)
    known = [state for state in states if state in {*VisitState}]
    host = scene.host.of_club
    async with usually(shared_postgres_database, host) as usual, world.database.transaction(host) as session:
        rows = await session.all(VISITS_IN, states=known)
        assert rows == await usual.all(VISITS_IN, states=known)
        assert len(rows) == len(known)
    assert "= ANY ($1::TEXT[])" in compiled(VISITS_IN).sql


async def test_a_value_that_is_not_given_is_an_error_and_not_null(world: World) -> None:
    async with world.database.transaction(world.new_id()) as session:
        with pytest.raises(KeyError, match="the_id"):
            await session.all(visits.SqlVisits.mapped.get)
        with pytest.raises(KeyError, match="states"):
            await session.all(VISITS_IN)
        statement = visits.SqlVisits.mapped.get.where(visits.visit.c.version == 1)
        assert await session.all(statement, the_id=world.new_id()) == []


async def test_text_takes_parameters_and_an_unknown_list_is_refused(world: World) -> None:
    tenant = world.new_id()
    excluding = select(visits.visit.c.id).where(
        visits.visit.c.id.not_in(bindparam("ids", expanding=True)), mine(visits.visit)
    )
    async with world.database.transaction(tenant) as session:
        assert await session.value(text("SELECT current_setting('app.club_id')")) == str(tenant)
        assert await session.value(text("SELECT current_setting(:name) LIKE '%'::text"), name="app.club_id") is True
        assert await session.value(select(func.current_setting("app.club_id"))) == str(tenant)
        with pytest.raises(TypeError, match="depends on its values"):
            await session.all(excluding, ids=[tenant])


async def test_a_row_is_kept_or_overwritten_as_asked(world: World) -> None:
    club = await found(world)
    tile = {"club_id": club.id, "level": 0, "index": 0, "hashes": b"old"}
    newer = {**tile, "hashes": b"new"}
    stored = select(schema.tile).where(mine(schema.tile)).order_by(schema.tile.c.index)
    async with world.database.transaction(club.id) as session:
        assert await session.insert_new(schema.tile, tile)
        assert not await session.insert_new(schema.tile, newer)
        assert await session.all(stored) == [tile]
        await session.upsert(schema.tile, [newer, {**tile, "index": 1}])
        assert await session.all(stored) == [newer, {**tile, "index": 1}]


async def test_a_transaction_that_goes_on_after_a_failed_statement_is_no_success(world: World) -> None:
    """Postgres answers its COMMIT with ROLLBACK, and with no error."""
    with pytest.raises(RuntimeError, match="after one of its statements had failed"):
        async with world.database.transaction(world.new_id()) as session:
            with pytest.raises(asyncpg.DivisionByZeroError):
                await session.value(text("SELECT 1/0"))


@pytest.mark.parametrize("count", [1, 2, 49, 50, 120])
async def test_any_number_of_rows_is_inserted_alike(world: World, count: int) -> None:
    club = await found(world)
    rows = [
        {
            "club_id": club.id,
            "consumer": "test",
            "event_id": world.new_id(),
            "type": "t",
            "error": f"e{place}",
            "at": world.clock(),
        }
        for place in range(count)
    ]
    async with world.database.transaction(club.id) as session:
        await session.insert(schema.parked, rows)
        read = await session.all(select(schema.parked).where(mine(schema.parked)).order_by(schema.parked.c.at))
    assert read == rows


@pytest.mark.parametrize("count", [1, 2, 60])
async def test_a_broken_constraint_is_an_integrity_error_and_rolls_back(world: World, count: int) -> None:
    club = await found(world)
    keys = [world.new_id() for _ in range(count - 1)]
    rows = [
        {"club_id": club.id, "consumer": "test", "event_id": key, "type": "t", "error": "e", "at": world.clock()}
        for key in (*keys, *keys[:1], *([] if keys else [club.id]))
    ]
    counted = select(func.count().label("rows")).select_from(schema.parked).where(mine(schema.parked))
    async with world.database.transaction(club.id) as session:
        await session.insert(schema.parked, [{**rows[0], "event_id": club.id}])
    with pytest.raises(IntegrityError):
        async with world.database.transaction(club.id) as session:
            await session.insert(schema.parked, rows)
    async with world.database.transaction(club.id) as session:
        assert await session.value(counted) == 1


async def test_a_connection_that_dies_inside_a_transaction_is_replaced(
    world: World, shared_postgres_database: PostgresDatabase
) -> None:
    club = await found(world)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            async with world.database.transaction(club.id) as session:
                pid = await session.value(select(func.pg_backend_pid()))
                shared_postgres_database.server.execute(f"SELECT pg_terminate_backend({pid})")
                await session.all(visits.SqlVisits.mapped.get, the_id=club.id)
        async with world.begin(caller(club.id)) as tx:
            assert (await tx.clubs.get(club.id)).slug == club.slug


async def test_a_lock_that_is_not_had_in_time_is_a_refusal_that_a_retry_mends(
    shared_postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    async with world_at(shared_postgres_database.url, tmp_path, lock_timeout_seconds=0.1) as world:
        club = caller((await found(world)).id)
        async with world.begin(club) as tx:
            await tx.clubs.get(club.of_club)
            with pytest.raises(ConcordatError) as raised:
                async with world.begin(club) as other:
                    await other.clubs.get(club.of_club)
        assert raised.value.code == "database/contended"


async def test_a_row_security_policy_still_refuses_what_it_must(world: World) -> None:
    mine_, other = await found(world), await found(world)
    row = {
        "club_id": other.id,
        "consumer": "test",
        "event_id": world.new_id(),
        "type": "t",
        "error": "e",
        "at": world.clock(),
    }
    for rows in (
        [row],
        [row, {**row, "event_id": world.new_id()}],
        [{**row, "event_id": world.new_id()} for _ in range(60)],
    ):
        with pytest.raises(Exception, match="row-level security"):
            async with world.begin(caller(mine_.id)) as tx:
                assert isinstance(tx, SqlTx)
                await tx.session.insert(schema.parked, rows)


@pytest.mark.parametrize("alike", [True, False], ids=["all rows alike", "one column differs"])
async def test_many_rows_are_inserted_one_by_one_as_they_are_in_one_statement(world: World, alike: bool) -> None:
    club, event = world.new_id(), world.new_id()
    rows = [
        {"event_id": event if alike else world.new_id(), "tenant": club, "consumer": "bulk", "at": world.clock()}
        for _ in range(MANY + 1)
    ]
    table = schema.pending
    kept = select(*(table.c[name] for name in rows[0])).where(table.c.tenant == club).order_by(table.c.sequence)
    async with world.database.transaction(club) as session:
        await session.insert(table, rows)
        assert [dict(row) for row in await session.all(kept)] == rows
