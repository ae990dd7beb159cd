"""A client's Transport onto a simulated peer, without sockets: delays come from the network's seed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing

from adapters.outbound.fabric.gateway.errors import TransportError
from tests.fabric_simulator.gateway import GatewayService

LONGEST_DELAY_SECONDS = 0.002
"""Of a request, and of its answer; the peer may die meanwhile."""


class MemoryTransport:
    """Implements adapters.outbound.fabric.gateway.transport.Transport."""

    def __init__(self, service: GatewayService, rng: random.Random) -> None:
        self._service, self._rng = service, rng

    async def call(self, method: str, request: bytes, *, timeout_seconds: float) -> bytes:
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._delay()
                self._require_alive("failed to connect to all addresses")
                answer = await self._service.call(method, request)
                await self._delay()
                self._require_alive("Socket closed")
                return answer
        except TimeoutError:
            raise TransportError("DEADLINE_EXCEEDED", "Deadline Exceeded") from None

    async def stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        await self._delay()
        self._require_alive("failed to connect to all addresses")
        async with aclosing(self._service.stream(request)) as messages:
            async for message in messages:
                yield message

    async def close(self) -> None:
        """There is nothing to close."""

    async def _delay(self) -> None:
        await asyncio.sleep(self._rng.random() * LONGEST_DELAY_SECONDS)

    def _require_alive(self, text: str) -> None:
        if not self._service.peer.alive:
            raise TransportError("UNAVAILABLE", text)
