"""grpc.health.v1, tied to the same readiness as the probes of REST: public, without secrets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from shared.errors import NotFound

SERVICE = "grpc.health.v1.Health"
WHOLE_SERVER = ""

Ready = Callable[[], Awaitable[Mapping[str, bool]]]
"""Says of each part that this process needs whether it answers; ready when all do. Anybody may ask, so it is cheap."""

_Status = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):
    """Every service of a process is as ready as the process. A watch looks again every `seconds`."""

    def __init__(self, ready: Ready, services: Collection[str], *, seconds: float) -> None:
        self._ready = ready
        self._services = {WHOLE_SERVER, *services}
        self._seconds = seconds
        self._stopping = asyncio.Event()

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> health_pb2.HealthCheckResponse:
        """Raises NotFound for a service that is not served here."""
        if request.service not in self._services:
            raise NotFound
        return _Status(status=await self._status(request.service))

    async def Watch(
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """The status now and after every change; ends when the server does."""
        told: int | None = None
        while True:
            status = await self._status(request.service)
            if status != told:
                yield _Status(status=status)
            if self._stopping.is_set():
                return
            told = status
            await self._pause()

    def stop(self) -> None:
        """Not serving from now on; whoever watches is told and let go."""
        self._stopping.set()

    async def _status(self, service: str) -> int:
        if service not in self._services:
            return _Status.SERVICE_UNKNOWN
        return _Status.SERVING if await self._is_serving() else _Status.NOT_SERVING

    async def _is_serving(self) -> bool:
        """A readiness that cannot be had is none."""
        if self._stopping.is_set():
            return False
        try:
            return all((await self._ready()).values())
        except Exception:
            return False

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
