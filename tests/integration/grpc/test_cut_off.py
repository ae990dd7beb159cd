"""Calls whose client gives up at any moment: what they left is whole, and the same key settles it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from adapters.outbound.sql.database import Database
from adapters.outbound.sql.postgres import Postgres
from tests.integration.grpc.network import Network, network_at

MOMENTS = [number / 1_000 for number in (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30)]
IN_TIME_OR_NOT = {grpc.StatusCode.OK, grpc.StatusCode.DEADLINE_EXCEEDED}
EVENT = 3
"""What one event of two clubs adds to the work of the log and of the relay."""


@pytest.fixture(params=["sqlite_url", "postgres_database"])
async def network(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Network]:
    database = request.getfixturevalue(request.param)
    async with network_at(getattr(database, "url", database), tmp_path / "data") as network:
        yield network


async def _given_up(network: Network, visit: str, key: str, after_seconds: float) -> grpc.StatusCode:
    call = network.host.visits.CheckIn(
        pb.CheckInRequest(visit_id=visit),
        metadata=network.host.saying(idempotency_key=key),
        timeout=after_seconds,
    )
    code: grpc.StatusCode = await call.code()
    return code


async def _settled(network: Network, visit: str, key: str) -> pb.Decision:
    """What the same key answers once the first call is over on the server too."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await network.host.check_in(visit, key)
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.ABORTED
                await asyncio.sleep(0.005)


async def test_call_that_is_given_up_at_any_moment_is_settled_by_its_key(network: Network) -> None:
    visits = [str((await network.scene.confirmed((await network.scene.member()).id)).id) for _ in MOMENTS]
    events = await network.events()
    for visit, moment in zip(visits, MOMENTS, strict=True):
        assert await _given_up(network, visit, f"k-{visit}", moment) in IN_TIME_OR_NOT
        decision = await _settled(network, visit, f"k-{visit}")
        assert decision.visit.state == pb.VISIT_STATE_CHECKED_IN
        events += EVENT
        assert await network.events() == events


async def _all_given_back(database: Database) -> None:
    while True:
        if not _lent(database.dialect):
            return
        await asyncio.sleep(0.01)


def _lent(dialect: Any) -> int:
    """How many connections are in somebody's hands."""
    if isinstance(dialect, Postgres):
        pool: Any = dialect._pool
        return int(pool.get_size() - pool.get_idle_size())
    return int(dialect.engine.pool.checkedout())


async def test_calls_that_are_given_up_leave_no_connection_behind(network: Network) -> None:
    visit = str((await network.scene.confirmed((await network.scene.member()).id)).id)
    size = network.world.system.settings.pool_size
    for batch in range(3):
        await asyncio.gather(*(_given_up(network, visit, f"{batch}-{n}", 0.002) for n in range(size)))
    async with asyncio.timeout(30):
        await _all_given_back(network.world.database)
    assert {each.id for each in await asyncio.gather(*(network.host.get(visit) for _ in range(size)))} == {visit}
