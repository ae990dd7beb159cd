"""A transport that answers what a test says, and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from adapters.outbound.fabric.gateway.errors import TransportError
from adapters.outbound.fabric.gateway.gateway import Gateway, Limits
from adapters.outbound.fabric.gateway.identity import Identity, signer
from tests.support.organisations import Organisation

Answer = bytes | TransportError
ORGANISATION = Organisation("HarbourMSP")
MEMBER = ORGANISATION.member("client")
IDENTITY = Identity(msp_id="HarbourMSP", certificate=MEMBER.pem)


class Scripted:
    """Implements Transport. `answer` decides by method and request; `streams` are played one after the other."""

    def __init__(
        self,
        answer: Callable[[str, bytes], Answer] | None = None,
        streams: Sequence[Sequence[Answer]] = (),
    ) -> None:
        self._answer = answer or (lambda _method, _request: b"")
        self._streams = list(streams)
        self.asked: list[tuple[str, bytes, float]] = []
        self.waiting = 0
        self.most_waiting = 0
        self.hold: asyncio.Event | None = None
        """While it is there and not set, calls wait for it, or for their time to be over."""

    async def call(self, method: str, request: bytes, *, timeout_seconds: float) -> bytes:
        self.asked.append((method, request, timeout_seconds))
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        try:
            if self.hold is not None:
                async with asyncio.timeout(timeout_seconds):
                    await self.hold.wait()
        except TimeoutError:
            raise TransportError("DEADLINE_EXCEEDED", "the time is over") from None
        finally:
            self.waiting -= 1
        answer = self._answer(method, request)
        if isinstance(answer, TransportError):
            raise answer
        return answer

    async def stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        self.asked.append((method, request, 0))
        for message in self._streams.pop(0):
            if isinstance(message, TransportError):
                raise message
            yield message
        raise TransportError("UNAVAILABLE", "the peer ended the stream")

    async def close(self) -> None:
        """Nothing is open."""


def gateway(transport: Scripted, limits: Limits | None = None) -> Gateway:
    """A gateway of HarbourMSP's client."""
    return Gateway(
        transport, IDENTITY, signer(MEMBER.private_pem), limits=limits, now=lambda: 1_750_000_000_000_000_007
    )
