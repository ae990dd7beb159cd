"""A server of the real chain over a servicer that does what a test tells it; tokens are three words."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import uuid_utils
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

from adapters.inbound.grpc.clubs.visits import NAME
from adapters.inbound.grpc.edge.metrics import Metrics
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from adapters.inbound.grpc.generated.concordat.v1.visits_pb2_grpc import VisitServiceStub
from adapters.inbound.grpc.server import GrpcServer, create_server
from adapters.inbound.grpc.settings import Settings
from adapters.inbound.limits import Limits
from adapters.outbound.inprocess.rates import InProcessRates
from concordat.clocks import ticks
from ports.tokens import Claims, TokenRefused

Do = Callable[[pb.GetVisitRequest], Awaitable[pb.GetVisitResponse]]

KINDS = (ErrorInfo, RequestInfo, BadRequest, RetryInfo, PreconditionFailure, pb.Decision)
UNLIMITED = Limits(rates=InProcessRates(ticks))
CREDENTIAL = ("authorization", "Bearer word")


def new_id() -> UUID:
    return UUID(str(uuid_utils.uuid7()))


CLUB = new_id()


class Words:
    """Implements ports.tokens.Tokens for one word."""

    def issue(self, claims: Claims) -> str:
        raise TokenRefused

    def check(self, token: str) -> Claims:
        if token != "word":
            raise TokenRefused
        soon = datetime.now(UTC) + timedelta(minutes=5)
        return Claims(principal="ann", club=CLUB, roles=frozenset({"desk"}), expires_at=soon)


async def _nothing(_request: pb.GetVisitRequest) -> pb.GetVisitResponse:
    return pb.GetVisitResponse()


class Told:
    """A servicer whose one rpc does as told."""

    def __init__(self) -> None:
        self.do: Do = _nothing

    async def get(self, request: pb.GetVisitRequest, _context: Any) -> pb.GetVisitResponse:
        return await self.do(request)


def add_told(told: Told, server: grpc.aio.Server) -> None:
    """As a generated function adds a servicer."""
    get = grpc.unary_unary_rpc_method_handler(
        told.get,
        request_deserializer=pb.GetVisitRequest.FromString,
        response_serializer=pb.GetVisitResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(NAME, {"GetVisit": get})])


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """As a manifest announces it."""

    name: str
    servicer: object
    add: Callable[[Any, Any], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a call ended; `details` are by the short name of their kind."""

    code: grpc.StatusCode
    message: str
    details: dict[str, Any]
    trailing: dict[str, str]


@dataclass(kw_only=True)
class Served:
    """A running server, and what it was told."""

    told: Told = field(default_factory=Told)
    metrics: Metrics = field(default_factory=Metrics)
    ready: dict[str, bool] = field(default_factory=lambda: {"database": True})
    server: GrpcServer
    channel: grpc.aio.Channel
    port: int

    async def get(
        self,
        *metadata: tuple[str, str | bytes],
        within_seconds: float | None = None,
        credential: tuple[str, str] = CREDENTIAL,
    ) -> Ended:
        """GetVisit with a credential and more metadata."""
        stub: Any = VisitServiceStub(self.channel)
        call = stub.GetVisit(pb.GetVisitRequest(), metadata=(credential, *metadata), timeout=within_seconds)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            return _ended(error)
        trailing = dict(await call.trailing_metadata())
        return Ended(code=grpc.StatusCode.OK, message="", details={}, trailing=trailing)

    def measured(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


def _ended(error: grpc.aio.AioRpcError) -> Ended:
    trailing: dict[str, Any] = dict(error.trailing_metadata() or ())
    status = Status.FromString(trailing.pop("grpc-status-details-bin", b""))
    details = {}
    for packed in status.details:
        kind = next(kind for kind in KINDS if packed.Is(kind.DESCRIPTOR))
        details[kind.DESCRIPTOR.name] = kind.FromString(packed.value)
    return Ended(code=error.code(), message=error.details() or "", details=details, trailing=trailing)


def made(
    told: Told,
    metrics: Metrics,
    ready: dict[str, bool],
    settings: Settings,
    more: Sequence[Service] = (),
    *,
    limits: Limits = UNLIMITED,
) -> GrpcServer:
    """A server of the told servicer, not listening yet."""

    async def is_ready() -> dict[str, bool]:
        if not ready:
            raise RuntimeError("nobody knows")
        return ready

    service = Service(name=NAME, servicer=told, add=add_told)
    return create_server(
        [service, *more],
        tokens=Words(),
        limits=limits,
        new_id=new_id,
        ready=is_ready,
        metrics=metrics,
        settings=settings,
    )


@asynccontextmanager
async def serving(settings: Settings | None = None, limits: Limits = UNLIMITED) -> AsyncIterator[Served]:
    """A told server on a free port of loopback."""
    told, metrics, ready = Told(), Metrics(), {"database": True}
    server = made(told, metrics, ready, settings or Settings(reflection=True, readiness_seconds=0.01), limits=limits)
    port = server.listen("127.0.0.1", 0)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Served(told=told, metrics=metrics, ready=ready, server=server, channel=channel, port=port)
    finally:
        await server.stop(grace_seconds=0)
