"""The one middleware: opens the exchange, turns away what nobody should read, adds headers, logs and measures."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.inbound.rest.edge import cors
from adapters.inbound.rest.edge.exchange import KEY, Exchange, Services, opened
from adapters.inbound.rest.edge.metrics import Metrics
from adapters.inbound.rest.edge.problems import internal, problem
from adapters.inbound.rest.edge.rates import headers_of
from adapters.inbound.rest.edge.trust import admit, is_secure, limited
from adapters.inbound.rest.settings import Settings
from shared.errors import ConcordatError

CLIENT_GONE = 499
"""As nginx logs it: nobody was left to answer."""

NO_ROUTE = "(none)"

_QUIET = {"/healthz", "/readyz"}
_HARDENING: Sequence[tuple[bytes, bytes]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NOT_STORED = (b"cache-control", b"no-store")
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=63072000")

log: structlog.typing.FilteringBoundLogger = structlog.get_logger("concordat.rest")


@dataclass(frozen=True, slots=True)
class Entrance:
    """Pure ASGI around the whole app; everything but HTTP passes through untouched."""

    app: ASGIApp
    services: Services
    settings: Settings
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        exchange = scope[KEY] = opened(scope, self.services)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=exchange.ids.request_id, trace_id=exchange.ids.trace_id)
        answer = _Answer(send, exchange, self._headers(scope, exchange))
        try:
            await self._pass(scope, exchange, receive, answer)
        except ClientDisconnect:
            answer.status = CLIENT_GONE
        except Exception:
            log.exception("unhandled")
            self.metrics.failed()
            if answer.status:
                raise
            await internal(exchange)(scope, receive, answer)
        finally:
            self._record(scope, exchange, answer.status, perf_counter() - started)

    async def _pass(self, scope: Scope, exchange: Exchange, receive: Receive, answer: "_Answer") -> None:
        try:
            admit(scope, exchange, self.settings)
        except ConcordatError as error:
            await problem(exchange, error)(scope, receive, answer)
            return
        preflight = cors.preflight(scope["method"], exchange, self.settings.cors_origins)
        if preflight is not None:
            await preflight(scope, receive, answer)
            return
        await self.app(scope, limited(scope, exchange, receive, self.settings.largest_body_bytes), answer)

    def _headers(self, scope: Scope, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        return [
            (b"x-request-id", exchange.ids.request_id.encode()),
            (b"traceparent", exchange.ids.traceparent.encode()),
            *_HARDENING,
            *cors.headers_for(exchange, self.settings.cors_origins),
            *((_STRICT_TRANSPORT,) if is_secure(scope, exchange) else ()),
        ]

    def _record(self, scope: Scope, exchange: Exchange, status: int, seconds: float) -> None:
        """Never headers and never the query: they hold tokens and people."""
        route: Any = scope.get("route")
        template = NO_ROUTE if route is None else route.path
        self.metrics.observe(scope["method"], template, status, seconds)
        caller = exchange.caller
        say = log.debug if scope["path"] in _QUIET else log.info
        say(
            "request",
            request_id=exchange.ids.request_id,
            trace_id=exchange.ids.trace_id,
            method=scope["method"],
            route=template,
            status=status,
            duration_ms=round(seconds * 1000, 3),
            principal=None if caller is None else caller.principal,
            club=None if caller is None or caller.club is None else str(caller.club),
        )


class _Answer:
    """`send` that adds headers to whatever is answered, and remembers the status (0 before there is one)."""

    __slots__ = ("_exchange", "_headers", "_send", "status")

    def __init__(self, send: Send, exchange: Exchange, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._exchange = exchange
        self._headers = headers
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            sent = message["headers"]
            names = {name for name, _ in sent}
            own = [header for header in (_POLICY, _NOT_STORED) if header[0] not in names]
            message = {**message, "headers": [*sent, *self._headers, *headers_of(self._exchange.taken), *own]}
        await self._send(message)
