"""Which route takes a request: it is found at once where it can be, and all are matched as ever."""

from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient, Response
from opentelemetry import trace
from starlette.routing import Match

from adapters.inbound.rest.edge.routes import Index, StrictRoute
from tests.unit.rest.fake import Served

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"


async def ask(served: Served, method: str, path: str, root_path: str = "") -> Response:
    transport = ASGITransport(served.app, root_path=root_path)
    headers = {"authorization": "Bearer good"}
    async with AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as client:
        return await client.request(method, path)


@pytest.mark.parametrize("root_path", ["", "/behind/a/proxy"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/things", 401),
        ("GET", f"/v1/things/{UNKNOWN}", 401),
        ("GET", f"/v1/things/{UNKNOWN}/text", 401),
        ("POST", "/v1/nudge", 401),
        ("DELETE", "/v1/things", 405),
        ("GET", f"/v1/things/{UNKNOWN}/judge", 405),
        ("GET", "/v1/thing", 404),
        ("GET", "/v1/things-and-more", 404),
        ("GET", f"/v1/things/{UNKNOWN}/text/more", 404),
        ("GET", "/v1/things/", 404),
        ("GET", "/v2/things", 404),
    ],
)
async def test_a_request_is_taken_by_its_route_or_by_none(
    served: Served, root_path: str, method: str, path: str, status: int
) -> None:
    assert (await ask(served, method, f"{root_path}{path}", root_path)).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/v1/things", "things.list"),
        ("POST", "/v1/things", "things.make"),
        ("PATCH", f"/v1/things/{UNKNOWN}", "things.amend"),
        ("DELETE", "/v1/things", None),
        ("GET", "/v1/thing", None),
    ],
)
def test_a_route_is_found_without_trying_the_others(
    served: Served, method: str, path: str, operation: str | None
) -> None:
    (index,) = [route for route in served.app.routes if isinstance(route, Index)]
    first = next(at for at, route in enumerate(served.app.routes) if isinstance(route, StrictRoute))
    assert served.app.routes.index(index) < first
    match, found = index.matches({"type": "http", "method": method, "path": path})
    assert match is (Match.NONE if operation is None else Match.FULL)
    assert getattr(found.get("route"), "operation_id", None) == operation


class Tracing(trace.TracerProvider, trace.Tracer):
    """A tracer that keeps the names of its spans."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return self

    def start_span(self, *_: Any, **__: Any) -> trace.Span:
        return Named(self.names)

    def start_as_current_span(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


class Named(trace.NonRecordingSpan):
    def __init__(self, names: list[str]) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self._names = names

    def update_name(self, name: str) -> None:
        self._names.append(name)


async def test_traces_are_named_after_the_route(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    tracing = Tracing()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: tracing)
    for path in ("/v1/things", f"/v1/things/{UNKNOWN}", "/v1/thing", "/v1/things"):
        await ask(served, "GET", path)
    assert tracing.names == ["GET /v1/things", "GET /v1/things/{thing_id}", "GET /v1/things"]
