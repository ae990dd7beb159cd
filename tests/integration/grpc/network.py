"""Two clubs behind a real gRPC server on loopback: the product's use cases over SQLite, real tokens and permissions."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

from adapters.inbound.grpc.edge.metrics import Metrics
from adapters.inbound.grpc.edge.statuses import DETAILS
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from adapters.inbound.grpc.generated.concordat.v1.log_pb2_grpc import LogServiceStub
from adapters.inbound.grpc.generated.concordat.v1.visits_pb2_grpc import VisitServiceStub
from adapters.inbound.grpc.server import GrpcServer, create_server
from adapters.inbound.grpc.settings import Settings
from concordat.edges import limits
from concordat.module import Service
from ports.caller import Caller
from ports.tokens import Claims
from tests.support.scenes import Scene, two_clubs
from tests.support.world import World, products_own, world_at

T = TypeVar("T")

DESK = frozenset({"concierge"})
DETAIL_KINDS = (ErrorInfo, RequestInfo, BadRequest, RetryInfo, PreconditionFailure, pb.Decision)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """How an rpc ended that did not succeed; `details` are by the short name of their kind."""

    code: grpc.StatusCode
    message: str
    details: dict[str, Any]
    trailing: dict[str, str]

    @property
    def reason(self) -> str:
        reason: str = self.details["ErrorInfo"].reason
        return reason

    @property
    def violations(self) -> dict[str, str]:
        """By field, what was wrong with it."""
        return {each.field: each.description for each in self.details["BadRequest"].field_violations}

    @property
    def but_for_its_ids(self) -> "Refusal":
        """Everything that the same refusal of another call shares with this one."""
        return replace(self, trailing={}, details={**self.details, "RequestInfo": None})


async def refusal(call: Awaitable[Any]) -> Refusal:
    """The refusal that an rpc ends with; fails if it succeeds."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return _told(error)
    raise AssertionError(f"this succeeded: {answer}")


def _told(error: grpc.aio.AioRpcError) -> Refusal:
    trailing: dict[str, Any] = dict(error.trailing_metadata() or ())
    status = Status.FromString(trailing.pop(DETAILS, b""))
    details = {}
    for packed in status.details:
        kind = next(kind for kind in DETAIL_KINDS if packed.Is(kind.DESCRIPTOR))
        details[kind.DESCRIPTOR.name] = kind.FromString(packed.value)
    return Refusal(code=error.code(), message=error.details() or "", details=details, trailing=trailing)


@dataclass(frozen=True, kw_only=True)
class Client:
    """Stubs over one channel, and the metadata that every call of this client carries."""

    channel: grpc.aio.Channel
    authorization: str

    @property
    def visits(self) -> Any:
        return VisitServiceStub(self.channel)

    @property
    def log(self) -> Any:
        return LogServiceStub(self.channel)

    def saying(self, **metadata: str) -> tuple[tuple[str, str], ...]:
        """The metadata, with more of it under names with dashes for underscores."""
        more = ((name.replace("_", "-"), value) for name, value in metadata.items())
        return (("authorization", self.authorization), *more)

    async def confirm(self, visit: str, **metadata: str) -> pb.Decision:
        """The host's decision; a refusal is raised."""
        request = pb.ConfirmVisitRequest(visit_id=visit)
        answer: pb.ConfirmVisitResponse = await self.visits.ConfirmVisit(request, metadata=self.saying(**metadata))
        return answer.decision

    async def check_in(self, visit: str, key: str, **metadata: str) -> pb.Decision:
        """The desk's decision; a refusal is raised."""
        saying = self.saying(idempotency_key=key, **metadata)
        answer: pb.CheckInResponse = await self.visits.CheckIn(pb.CheckInRequest(visit_id=visit), metadata=saying)
        return answer.decision

    async def get(self, visit: str) -> pb.Visit:
        answer: pb.GetVisitResponse = await self.visits.GetVisit(
            pb.GetVisitRequest(visit_id=visit), metadata=self.saying()
        )
        return answer.visit


@dataclass(frozen=True, kw_only=True)
class Network:
    """A served world. `home` and `host` are clients of the scene's two clubs, with a desk's permissions."""

    scene: Scene
    server: GrpcServer
    port: int
    channel: grpc.aio.Channel
    metrics: Metrics
    ready: dict[str, bool] = field(default_factory=lambda: {"database": True})

    @property
    def world(self) -> World:
        return self.scene.world

    @property
    def home(self) -> Client:
        return self.client(self.scene.home)

    @property
    def host(self) -> Client:
        return self.client(self.scene.host)

    def client(self, caller: Caller, roles: frozenset[str] = DESK) -> Client:
        return Client(channel=self.channel, authorization=f"Bearer {self.token(caller, roles)}")

    def token(self, caller: Caller, roles: frozenset[str] = DESK) -> str:
        i = self.world.system.infrastructure
        soon = i.now() + timedelta(minutes=5)
        return i.tokens.issue(Claims(principal=caller.principal, club=caller.club, roles=roles, expires_at=soon))

    async def events(self) -> int:
        """How many events the two clubs have recorded: what may not grow when a request is refused."""
        return sum(each.rows for each in (await self.world.backlog.waiting()).values())


def services(world: World) -> list[Service]:
    """What the manifests announce."""
    system = world.system
    return [service for built in system.modules for service in built.services(system.infrastructure)]


@asynccontextmanager
async def network_at(url: str, folder: Path, settings: Settings | None = None) -> AsyncIterator[Network]:
    """The scene of two clubs over this database, served; whoever calls over gRPC has the product's permissions."""
    async with world_at(url, folder, overrides={"allow": products_own()}) as world:
        scene, metrics, ready = await two_clubs(world), Metrics(), {"database": True}

        async def is_ready() -> dict[str, bool]:
            return ready

        server = create_server(
            services(world),
            tokens=world.system.infrastructure.tokens,
            limits=limits(world.system),
            new_id=world.new_id,
            ready=is_ready,
            metrics=metrics,
            settings=settings or Settings(reflection=True, readiness_seconds=0.01),
        )
        port = server.listen("127.0.0.1", 0)
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Network(scene=scene, server=server, port=port, channel=channel, metrics=metrics, ready=ready)
        finally:
            await server.stop(grace_seconds=0)


def request_of(network: Network, member: UUID, first_day: str, last_day: str | None = None) -> pb.RequestVisitRequest:
    return pb.RequestVisitRequest(
        member_id=str(member),
        host_club=str(network.scene.host.of_club),
        first_day=first_day,
        last_day=last_day or first_day,
    )


async def asked(network: Network, member: UUID, first_day: str, **metadata: str) -> pb.Decision:
    """What was decided on the home club's request; a refusal is raised."""
    request, saying = request_of(network, member, first_day), network.home.saying(**metadata)
    answer: pb.RequestVisitResponse = await network.home.visits.RequestVisit(request, metadata=saying)
    return answer.decision
