"""Metrics and probes: on the admin app, by route and never by path."""

from collections.abc import Mapping, Sequence

from httpx2 import ASGITransport, AsyncClient

from adapters.inbound.rest.admin import create_admin_app
from adapters.inbound.rest.edge.metrics import Metrics, Reading
from tests.unit.rest.fake import HOST, always_ready, new_id, serve
from tests.unit.rest.test_conditions import GOOD


async def ailing() -> Mapping[str, bool]:
    return {"database": False, "log": True}


async def lag() -> Sequence[Reading]:
    return [
        Reading(name="concordat_log_pending", help="Records without a leaf.", value=value, labels={"club": club})
        for club, value in (("a", 3.0), ("b", 0.0))
    ] + [Reading(name="concordat_log_frozen", help="Logs that are not signed.", value=1.0)]


async def test_requests_are_counted_by_route_method_and_status() -> None:
    served = serve()
    async with served.client() as client:
        await client.post("/v1/things", json=GOOD)
        for _ in range(3):
            await client.get(f"/v1/things/{new_id()}")
        await client.get("/guessed/path")
    text = (await served.metrics.exposition()).decode()
    name = "concordat_http_request_seconds_count"
    assert f'{name}{{method="GET",route="/v1/things/{{thing_id}}",status="404"}} 3.0' in text
    assert f'{name}{{method="POST",route="/v1/things",status="201"}} 1.0' in text
    assert f'{name}{{method="GET",route="(none)",status="404"}} 1.0' in text
    assert "guessed" not in text


async def test_a_made_up_method_makes_no_series_of_its_own() -> None:
    served = serve()
    async with served.client() as client:
        for number in range(5):
            await client.request(f"MADEUP{number}", "/v1/things")
    assert "MADEUP" not in (await served.metrics.exposition()).decode()


async def test_the_admin_app_shows_metrics_gauges_and_probes() -> None:
    app = create_admin_app(Metrics(), ready=always_ready, readings=[lag])
    async with AsyncClient(transport=ASGITransport(app), base_url=HOST) as client:
        shown = await client.get("/metrics")
        assert shown.headers["content-type"].startswith("text/plain")
        assert 'concordat_log_pending{club="a"} 3.0' in shown.text and "concordat_log_frozen 1.0" in shown.text
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).status_code == 200


async def test_readiness_names_the_part_that_does_not_answer() -> None:
    app = create_admin_app(Metrics(), ready=ailing)
    async with AsyncClient(transport=ASGITransport(app), base_url=HOST) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json() == {"status": "not ready", "parts": {"database": False, "log": True}}


async def test_the_public_app_has_probes_for_anybody_and_no_metrics() -> None:
    async with serve().client(token=None) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.head("/readyz")).status_code == 200
        assert (await client.get("/metrics")).status_code == 404
