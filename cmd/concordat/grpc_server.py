"""The gRPC server of one process: services of the modules, health by readiness, reflection where it is switched on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from concordat.failures import Failure
from concordat.module import Service
from concordat.servers import Address

LARGEST_MESSAGE = 4 * 1024 * 1024
HEALTH_SECONDS = 1.0

_OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    # Two processes on one port would share its calls between them without a word.
    ("grpc.so_reuseport", 0),
)


class GrpcServer:
    """Made inside the running event loop; every call passes the interceptors in their order."""

    def __init__(
        self,
        services: Sequence[Service],
        *,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
        ready: Callable[[], Awaitable[Mapping[str, bool]]],
        reflect: bool,
    ) -> None:
        self._server = grpc.aio.server(interceptors=list(interceptors), options=_OPTIONS)
        self._names = ["", *(service.name for service in services)]
        self._ready = ready
        self._health = HealthServicer()
        self._watch: asyncio.Task[None] | None = None
        for service in services:
            service.add(service.servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if reflect:
            shown = [*self._names[1:], health_pb2.DESCRIPTOR.services_by_name["Health"].full_name]
            reflection.enable_server_reflection([*shown, reflection.SERVICE_NAME], self._server)

    def bind(self, host: str, port: int, *, anywhere: bool) -> Address:
        """Where the port is taken, on any free one if `anywhere`, else raises Failure."""
        shown = f"[{host}]" if ":" in host else host
        try:
            return Address(host=host, port=self._server.add_insecure_port(f"{shown}:{port}"))
        except RuntimeError:
            if not anywhere:
                advice = "Set CONCORDAT_GRPC_PORT, or free the port."
                raise Failure(f"gRPC cannot listen on {shown}:{port}: it is taken.", advice) from None
        return Address(host=host, port=self._server.add_insecure_port(f"{shown}:0"), moved_from=port)

    async def start(self) -> None:
        await self._tell_health()
        await self._server.start()
        self._watch = asyncio.create_task(self._keep_health(), name="grpc health")

    async def stop(self, grace_seconds: float) -> None:
        """Health says so first, then calls in flight get their grace."""
        if self._watch is not None:
            self._watch.cancel()
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_seconds)

    async def _keep_health(self) -> None:
        while True:
            await asyncio.sleep(HEALTH_SECONDS)
            await self._tell_health()

    async def _tell_health(self) -> None:
        well = all((await self._ready()).values())
        status = health_pb2.HealthCheckResponse.SERVING if well else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in self._names:
            await self._health.set(name, status)
