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
    assert answer.headers["ratelimit-policy"] == '"requests";q=6000;w=60'
    assert answer.headers["ratelimit"] == '"requests";r=5999;t=1'
    assert (refused.status_code, refused.headers["ratelimit"]) == (401, '"refusals";r=299;t=1')


async def test_rates_are_settings_and_the_edges_of_a_process_count_together(tmp_path: Path) -> None:
    async with served_at(MEMORY, tmp_path, requests_per_minute=3, refusals_per_minute=1) as served:
        of_grpc = await limits(served.world.system).of_caller(served.scene.home)
        assert of_grpc is not None and of_grpc.remaining == 2
        async with served.client(served.scene.home) as client:
            assert [(await client.get("/v1/visits")).status_code for _ in range(3)] == [200, 200, 429]
            client.headers["authorization"] = "Bearer guessed"
            assert [(await client.get("/v1/visits")).status_code for _ in range(2)] == [401, 429]


async def test_0_switches_a_rate_off(tmp_path: Path) -> None:
    off = served_at(MEMORY, tmp_path, requests_per_minute=0, refusals_per_minute=0)
    async with off as served, served.client(served.scene.home) as client:
        answer = await client.get("/v1/visits")
        client.headers["authorization"] = "Bearer guessed"
        refused = await client.get("/v1/visits")
    for each, status in ((answer, 200), (refused, 401)):
        assert each.status_code == status and "ratelimit" not in each.headers
