"""Makes the gRPC server out of modules' services: one chain, health, reflection where it is wanted."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import grpc
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from adapters.inbound.grpc import health, listening
from adapters.inbound.grpc.edge.chain import Chain
from adapters.inbound.grpc.edge.metrics import Metrics
from adapters.inbound.grpc.edge.works import Works
from adapters.inbound.grpc.health import Health, Ready
from adapters.inbound.grpc.settings import Settings, Tls
from adapters.inbound.limits import Limits
from ports.tokens import Tokens
from shared.ids import NewId

PUBLIC = frozenset({health.SERVICE, reflection.SERVICE_NAME})


class Service(Protocol):
    """What a module announces: the full name, the servicer, and the generated function that adds it to a server."""

    @property
    def name(self) -> str: ...
    @property
    def servicer(self) -> object: ...
    @property
    def add(self) -> Callable[[Any, Any], None]: ...


class GrpcServer:
    """A server that listens on at least one port before it starts; to be made and used inside one event loop."""

    def __init__(self, server: grpc.aio.Server, probe: Health, works: Works, tls: Tls | None) -> None:
        self._server = server
        self._probe = probe
        self._works = works
        self._tls = tls

    def listen(self, host: str, port: int) -> int:
        """The port that it listens on: any free one for 0. Raises OSError if it is taken."""
        return listening.listen(self._server, host, port, self._tls)

    async def start(self) -> None:
        await self._server.start()

    async def stop(self, *, grace_seconds: float) -> None:
        """Take no new rpcs; what is under way, abandoned work too, may end within the grace, and is cut off then."""
        self._probe.stop()
        loop = asyncio.get_running_loop()
        end = loop.time() + grace_seconds
        await self._server.stop(grace_seconds)
        await self._works.end(max(end - loop.time(), 0))


def create_server(
    services: Sequence[Service],
    *,
    tokens: Tokens,
    limits: Limits,
    new_id: NewId,
    ready: Ready,
    metrics: Metrics,
    settings: Settings,
) -> GrpcServer:
    """A server of these services that does not listen yet.

    Raises ValueError for a service that comes twice or has a stream, which the chain does not wrap.
    """
    names = [service.name for service in services]
    _check(names)
    works = Works()
    chain = Chain(
        tokens=tokens,
        limits=limits,
        new_id=new_id,
        metrics=metrics,
        works=works,
        public=PUBLIC,
        longest_call_seconds=settings.longest_call_seconds,
    )
    server = grpc.aio.server(interceptors=[chain], options=_options(settings))
    for service in services:
        service.add(service.servicer, server)
    probe = Health(ready, names, seconds=settings.readiness_seconds)
    health_pb2_grpc.add_HealthServicer_to_server(probe, server)
    if settings.reflection:
        reflection.enable_server_reflection([*names, *PUBLIC], server)
    return GrpcServer(server, probe, works, settings.tls)


def _check(names: Sequence[str]) -> None:
    if len({*names, *PUBLIC}) != len(names) + len(PUBLIC):
        raise ValueError("two services of one name")
    for name in names:
        for method in descriptor_pool.Default().FindServiceByName(name).methods:
            if method.client_streaming or method.server_streaming:
                raise ValueError(f"{method.full_name} has a stream")


def _options(settings: Settings) -> list[tuple[str, Any]]:
    return [
        ("grpc.max_receive_message_length", settings.largest_message_bytes),
        ("grpc.max_send_message_length", settings.largest_message_bytes),
        ("grpc.max_metadata_size", settings.largest_metadata_bytes),
        ("grpc.absolute_max_metadata_size", settings.largest_metadata_bytes),
        listening.ALONE,
    ]
