"""The one route class: it reads a request strictly, calls the endpoint with caller and command, and writes the view.

FastAPI describes these routes in the OpenAPI and finds them; between request and endpoint nothing of it runs, which is
both stricter (no coercion, no echo) and half as costly.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi.routing import APIRoute
from starlette.datastructures import URLPath
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from adapters.inbound.callers import under
from adapters.inbound.rest.edge.answers import REPLAYED, answered
from adapters.inbound.rest.edge.authentication import admit_anybody, admitted
from adapters.inbound.rest.edge.conditions import expected_version, idempotency_key
from adapters.inbound.rest.edge.described import described, offered_by
from adapters.inbound.rest.edge.exchange import Exchange, exchange_of
from adapters.inbound.rest.edge.negotiation import accepted, require_json
from adapters.inbound.rest.edge.queries import parameters_of
from adapters.inbound.rest.edge.signatures import Shape, names_in, shape_of
from adapters.inbound.rest.edge.strict_json import check, refused
from adapters.inbound.rest.edge.wire import WRITE, Outgoing
from ports.caller import Caller
from ports.unit_of_work import Replayed
from shared.ids import parse_id

_EFFECTS = {"POST", "PATCH"}


class StrictRoute(APIRoute):
    """Takes endpoints whose parameters are annotated with Calling, CallingOnce, Json, Paging, Query, or are path ids.

    A GET reads. A POST or PATCH has an effect: Idempotency-Key and If-Match become part of the caller; a PATCH needs
    If-Match.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        shape = shape_of(path, endpoint)
        options["response_model"] = Annotated[shape.answer, WRITE] if _is_view(shape.answer) else None
        method = next(iter(options["methods"] or {"GET"}))
        super().__init__(path, endpoint, **described(shape, method, path, options))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        shape = shape_of(self.path, self.endpoint)
        if not self.operation_id:
            raise ValueError(f"{self.path} needs an operation id: it names the operation under idempotency keys")
        return _Operation(
            name=self.operation_id,
            endpoint=self.endpoint,
            shape=shape,
            has_effect=not _EFFECTS.isdisjoint(self.methods or ()),
            version_required="PATCH" in (self.methods or ()),
            inputs=names_in(self.path),
            offered=offered_by(self),
            status=self.status_code or 200,
            outgoing=Outgoing(shape.answer if _is_view(shape.answer) else None),
        ).handle


class Index(BaseRoute):
    """Finds the route of a request at once: trying routes in turn would cost more than the rest of the edge does.

    What it does not find (another method, no such path, paths of any depth) is left to the routes themselves.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes: dict[tuple[str, int, str], list[StrictRoute]] = defaultdict(list)
        self.path_format: str | None = None
        for route in routes:
            if isinstance(route, StrictRoute) and ":path}" not in route.path:
                for method in route.methods or ():
                    self._routes[method, *_place(route.path)].append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and not scope.get("root_path"):
            for route in self._routes.get((scope["method"], *_place(scope["path"])), ()):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    # FastAPI names the trace of a request by what it finds here right after.
                    self.path_format = route.path_format
                    return match, found
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["route"].handle(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        raise NoMatchFound(name, path_params)


def _place(path: str) -> tuple[int, str]:
    """How deep a path is, and its first two segments: few routes share both, and no parameter stands in these."""
    return path.count("/"), "/".join(path.split("/", 3)[:3])


def _is_view(answer: Any) -> bool:
    return not (answer is None or (isinstance(answer, type) and issubclass(answer, Response)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    """`inputs` are the path's parameters in order: with the command they are what an idempotency key stands for."""

    name: str
    endpoint: Callable[..., Any]
    shape: Shape
    has_effect: bool
    version_required: bool
    inputs: Sequence[str]
    offered: Sequence[str]
    status: int
    outgoing: Outgoing[Any]

    async def handle(self, request: Request) -> Response:
        exchange = exchange_of(request.scope)
        exchange.operation = self.name
        values: dict[str, Any] = {}
        if self.shape.caller is None:
            await admit_anybody(exchange)
        else:
            values[self.shape.caller] = await admitted(exchange)
        exchange.media_type = accepted(exchange, self.offered)
        await self._read(request, exchange, values)
        if self.has_effect:
            await self._read_effect(request, exchange, values)
        try:
            view = await self.endpoint(**values)
        except Replayed as replayed:
            # What was kept is shown as it is: a view of today may have other fields.
            kept = replayed.answer
            response = answered(request, exchange, json.loads(kept), lambda _: kept, self.status)
            response.headers[REPLAYED] = "true"
            return response
        return answered(request, exchange, view, self.outgoing.written, self.status)

    async def _read(self, request: Request, exchange: Exchange, values: dict[str, Any]) -> None:
        """Path and query, and what depends on the request alone."""
        shape = self.shape
        exchange.parameters = parameters_of(request.scope, shape.known_parameters)
        for name in shape.ids:
            values[name] = parse_id(request.path_params[name])
        for name in shape.texts:
            values[name] = request.path_params[name]
        for parameter in shape.parameters:
            text = exchange.parameters.get(parameter.name)
            values[parameter.name] = (
                parameter.default if text is None else parameter.incoming.parameter(parameter.name, text)
            )
        for name, dependency in shape.dependencies:
            values[name] = await dependency(request)
        if shape.request is not None:
            values[shape.request] = request

    async def _read_effect(self, request: Request, exchange: Exchange, values: dict[str, Any]) -> None:
        """Headers first, since they are there already; then the body."""
        shape = self.shape
        key = idempotency_key(exchange, shape.key)
        version = expected_version(exchange, required=self.version_required)
        inputs = [values[name] for name in self.inputs]
        if shape.command is not None and shape.incoming is not None:
            require_json(exchange)
            values[shape.command] = shape.incoming.body(await request.body())
            inputs.append(values[shape.command])
        else:
            _require_nothing(exchange, await request.body())
        if shape.caller is not None:
            caller: Caller = values[shape.caller]
            values[shape.caller] = under(caller, operation=self.name, key=key, version=version, inputs=tuple(inputs))


def _require_nothing(exchange: Exchange, body: bytes) -> None:
    """An operation without a command takes no body, or an empty object, as many clients send one."""
    if body:
        require_json(exchange)
        check(body)
        if json.loads(body):
            raise refused("", "has fields, and this operation takes none")
