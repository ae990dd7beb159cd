"""The middleware: ids, headers, hosts, proxies, origins, logs and metrics; and what is never in any of them."""

import re
from ipaddress import ip_network
from typing import Any

import pytest
from fastapi import APIRouter
from httpx2 import ASGITransport, AsyncClient
from starlette.responses import StreamingResponse

from adapters.inbound.rest.settings import Settings
from tests.unit.rest.fake import CLUB, REQUEST, SECRET, TOKEN, Served, new_id, serve
from tests.unit.rest.test_conditions import GOOD

LIST = "/v1/things"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ORIGIN = "https://desk.example"


def of_requests(logs: list[Any]) -> list[Any]:
    return [entry for entry in logs if entry["event"] == "request"]


async def test_well_formed_ids_of_the_client_are_taken_over_and_echoed(client: AsyncClient, logs: list[Any]) -> None:
    traceparent = f"00-{TRACE}-00f067aa0ba902b7-01"
    answer = await client.get(LIST, headers={"x-request-id": REQUEST, "traceparent": traceparent})
    assert (answer.headers["x-request-id"], answer.headers["traceparent"]) == (REQUEST, traceparent)
    entry = of_requests(logs)[-1]
    assert (entry["request_id"], entry["trace_id"]) == (REQUEST, TRACE)


@pytest.mark.parametrize(
    "request_id",
    [b"", b"ada.marsh", b"x" * 65, b"two words", b"line\tbreak", "ä".encode(), b"<script>", REQUEST.upper().encode()],
)
async def test_other_request_ids_are_replaced(client: AsyncClient, request_id: bytes) -> None:
    answer = await client.get(LIST, headers=[(b"x-request-id", request_id)])
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "nonsense",
        f"01-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
async def test_other_traces_are_begun_anew(client: AsyncClient, traceparent: str) -> None:
    answer = await client.get(LIST, headers={"traceparent": traceparent})
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", answer.headers["traceparent"])
    assert answer.headers["traceparent"] != traceparent


async def test_a_problem_names_the_request(client: AsyncClient, served: Served) -> None:
    answer = await client.post(LIST, json={}, headers={"x-request-id": REQUEST})
    assert answer.json()["instance"] == f"urn:concordat:request:{REQUEST}"
    await client.post(LIST, json=GOOD, headers={"x-request-id": REQUEST})
    assert served.things.calls[-1].request_id == REQUEST


@pytest.mark.parametrize("path", [LIST, "/nothing", f"{LIST}/1", "/v1/fail/bug", "/healthz"])
async def test_every_answer_is_hardened(client: AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers and "server" not in headers


async def test_an_unknown_error_is_a_500_with_an_id_and_no_text(
    served: Served, client: AsyncClient, logs: list[Any]
) -> None:
    answer = await client.get("/v1/fail/bug", headers={"x-request-id": REQUEST})
    assert (answer.status_code, answer.json()["type"]) == (500, "system/internal")
    assert answer.json()["instance"] == f"urn:concordat:request:{REQUEST}"
    assert SECRET not in answer.text and "RuntimeError" not in answer.text and "Traceback" not in answer.text
    failure = next(entry for entry in logs if entry["event"] == "unhandled")
    assert (failure["log_level"], failure["exc_info"]) == ("error", True)
    assert b"concordat_http_unhandled_errors_total" in await served.metrics.exposition()


async def test_an_error_after_the_answer_began_breaks_the_connection_instead_of_lying() -> None:
    router = APIRouter()

    @router.get("/v1/broken")
    async def broken() -> StreamingResponse:
        async def body() -> Any:
            yield b"first"
            raise RuntimeError(SECRET)

        return StreamingResponse(body())

    async with serve(routers=[router]).client() as client:
        with pytest.raises(RuntimeError):
            await client.get("/v1/broken")


async def test_the_log_says_who_did_what_and_never_what_was_in_it(client: AsyncClient, logs: list[Any]) -> None:
    headers = {"idempotency-key": "key-of-client", "cookie": "session=1", "x-api-key": SECRET}
    await client.post(LIST, json={**GOOD, "password": SECRET}, headers=headers)
    await client.get(LIST, params={"text": SECRET, "limit": 5})
    await client.get(LIST, params={"access_token": SECRET})
    first, *_ = entries = of_requests(logs)
    assert len(entries) == 3
    assert {name: first[name] for name in ("method", "route", "status", "principal", "club", "log_level")} == {
        "method": "POST",
        "route": LIST,
        "status": 201,
        "principal": f"of-{TOKEN}",
        "club": str(CLUB),
        "log_level": "info",
    }
    assert first["duration_ms"] > 0
    for secret in (SECRET, f"Bearer {TOKEN}", "session=1", "key-of-client", "limit=5"):
        assert secret not in repr(logs)


async def test_the_log_names_the_route_and_not_the_path(client: AsyncClient, logs: list[Any]) -> None:
    await client.get(f"{LIST}/{new_id()}")
    await client.get("/somebody/guesses/paths")
    assert [entry["route"] for entry in of_requests(logs)] == [f"{LIST}/{{thing_id}}", "(none)"]


async def test_who_is_unknown_is_logged_as_nobody(served: Served, logs: list[Any]) -> None:
    async with served.client() as client:
        await client.get(LIST)
    async with served.client(token=None) as client:
        await client.get(LIST)
    assert [entry["principal"] for entry in of_requests(logs)] == [f"of-{TOKEN}", None]


async def test_probes_are_logged_quietly(client: AsyncClient, logs: list[Any]) -> None:
    await client.get("/healthz")
    assert [entry["log_level"] for entry in of_requests(logs)] == ["debug"]


@pytest.mark.parametrize("host", ["evil.test", "api.test.evil.test", "api.test@evil.test", "", "api.test, evil.test"])
async def test_a_host_that_is_not_listed_is_refused(host: str) -> None:
    served = serve(Settings(allowed_hosts=frozenset({"api.test"})))
    async with served.client() as client:
        answer = await client.get(LIST, headers={"host": host})
        assert (answer.status_code, answer.json()["type"]) == (400, "request/unknown-host")
        assert (await client.get("/healthz", headers={"host": host})).status_code == 200
        for listed in ("api.test", "API.test:8443"):
            assert (await client.get(LIST, headers={"host": listed})).status_code == 200


async def test_nothing_in_an_answer_comes_from_the_host(client: AsyncClient) -> None:
    forged = {
        "host": "evil.test",
        "x-forwarded-host": "evil.test",
        "x-forwarded-for": "1.2.3.4",
        "forwarded": "host=evil.test",
    }
    made = await client.post(LIST, json=GOOD, headers=forged)
    listed = await client.get(LIST, params={"limit": 1}, headers=forged)
    for answer in (made, listed):
        assert "evil" not in answer.text + repr(answer.headers.multi_items())


@pytest.mark.parametrize(
    ("client_address", "forwarded", "secure"),
    [
        ("10.1.2.3", "https", True),
        ("10.1.2.3", "http", False),
        ("10.1.2.3", None, False),
        ("192.0.2.1", "https", False),
        ("testclient", "https", False),
    ],
)
async def test_only_a_configured_proxy_says_that_a_connection_is_secure(
    client_address: str, forwarded: str | None, secure: bool
) -> None:
    app = serve(Settings(trusted_proxies=(ip_network("10.0.0.0/8"),))).app
    transport = ASGITransport(app, client=(client_address, 1))
    headers = {} if forwarded is None else {"x-forwarded-proto": forwarded}
    async with AsyncClient(transport=transport, base_url="http://api.test") as client:
        answer = await client.get("/healthz", headers=headers)
    assert ("strict-transport-security" in answer.headers) is secure


async def test_headers_are_limited(client: AsyncClient) -> None:
    answer = await client.get(LIST, headers={"x-large": "x" * 8_200})
    assert (answer.status_code, answer.json()["type"]) == (431, "request/headers-too-large")
    many = {f"x-{number}": "x" * 4_000 for number in range(9)}
    assert (await client.get(LIST, headers=many)).status_code == 431
    assert (await client.get(LIST, headers={"x-large": "x" * 8_000})).status_code == 200


async def test_only_listed_origins_are_answered_across_origins() -> None:
    async with serve(Settings(cors_origins=frozenset({ORIGIN}))).client() as client:
        answer = await client.get(LIST, headers={"origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "ETag" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers
        broken = await client.get("/v1/fail/bug", headers={"origin": ORIGIN})
        assert broken.headers["access-control-allow-origin"] == ORIGIN, "or a browser could not show the problem"
        for other in (f"{ORIGIN}.evil.test", "null", ORIGIN.upper(), f"{ORIGIN}:8443", "http://desk.example"):
            answer = await client.get(LIST, headers={"origin": other})
            assert "access-control-allow-origin" not in answer.headers
            assert answer.headers["vary"] == "Origin"


async def test_a_preflight_is_answered_to_listed_origins_alone() -> None:
    async with serve(Settings(cors_origins=frozenset({ORIGIN}))).client(token=None) as client:
        asks = {"access-control-request-method": "PATCH", "access-control-request-headers": "authorization, if-match"}
        answer = await client.options(f"{LIST}/{CLUB}", headers={"origin": ORIGIN, **asks})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, ORIGIN)
        assert "PATCH" in answer.headers["access-control-allow-methods"]
        assert "if-match" in answer.headers["access-control-allow-headers"]
        refused = await client.options(f"{LIST}/{CLUB}", headers={"origin": "https://evil.test", **asks})
        assert refused.status_code == 405 and "access-control-allow-origin" not in refused.headers


async def test_without_a_list_no_origin_is_answered(client: AsyncClient) -> None:
    answer = await client.get(LIST, headers={"origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers and "vary" not in answer.headers


async def test_a_client_that_leaves_is_no_error_of_ours(served: Served, logs: list[Any]) -> None:
    sent: list[Any] = []
    headers = [(b"authorization", f"Bearer {TOKEN}".encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": LIST,
        "raw_path": LIST.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await served.app(scope, receive, send)
    assert sent == [] and served.things.effects == 0
    assert [entry["status"] for entry in of_requests(logs)] == [499]
    assert not [entry for entry in logs if entry["event"] == "unhandled"]
