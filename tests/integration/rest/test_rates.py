"""Rates as the settings say them, over the product's own wiring."""

from pathlib import Path

from concordat.edges import limits
from tests.integration.rest.served import Served, served_at
from tests.support.databases import MEMORY


async def test_usual_rates_are_said_and_far_away(served: Served) -> None:
    async with served.client(served.scene.home) as client:
        answer = await client.get("/v1/visits")
        client.headers["authorization"] = "Bearer guessed"
        refused = await client.get("/v1/visits")
        published = await client.get(await checkpoint_of(served))
    assert answer.headers["ratelimit-policy"] == '"requests";q=6000;w=60'
    assert answer.headers["ratelimit"] == '"requests";r=5999;t=1'
    assert (refused.status_code, refused.headers["ratelimit"]) == (401, '"refusals";r=299;t=1')
    assert (published.status_code, published.headers["ratelimit"]) == (200, '"anonymous";r=2999;t=1')


async def test_rates_are_settings_and_the_edges_of_a_process_count_together(tmp_path: Path) -> None:
    async with served_at(MEMORY, tmp_path, requests_per_minute=3, refusals_per_minute=1) as served:
        of_grpc = await limits(served.world.system).of_caller(served.scene.home)
        assert of_grpc is not None and of_grpc.remaining == 2
        async with served.client(served.scene.home) as client:
            assert [(await client.get("/v1/visits")).status_code for _ in range(3)] == [200, 200, 429]
            client.headers["authorization"] = "Bearer guessed"
            assert [(await client.get("/v1/visits")).status_code for _ in range(2)] == [401, 429]


async def checkpoint_of(served: Served) -> str:
    """Where the host's newest checkpoint is published."""
    await served.world.settle()
    origins = {entry.club: entry.origin for entry in await served.world.backlog.directory()}
    return f"/log/{origins[served.scene.host.of_club]}/checkpoint"


async def test_published_logs_are_read_so_often_from_one_address(tmp_path: Path) -> None:
    async with served_at(MEMORY, tmp_path, anonymous_per_minute=2) as served:
        path = await checkpoint_of(served)
        async with served.client(served.scene.home) as client:
            assert [(await client.get(path)).status_code for _ in range(3)] == [200, 200, 429]
            assert (await client.get("/v1/visits")).status_code == 200


async def test_0_switches_a_rate_off(tmp_path: Path) -> None:
    off = served_at(MEMORY, tmp_path, requests_per_minute=0, refusals_per_minute=0, anonymous_per_minute=0)
    async with off as served, served.client(served.scene.home) as client:
        answer = await client.get("/v1/visits")
        client.headers["authorization"] = "Bearer guessed"
        refused = await client.get("/v1/visits")
        published = await client.get(await checkpoint_of(served))
    for each, status in ((answer, 200), (refused, 401), (published, 200)):
        assert each.status_code == status and "ratelimit" not in each.headers
