"""How requests reach a Gateway: a seam of two methods, and gRPC behind it, over one peer after the other."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from adapters.outbound.fabric.gateway.errors import CLOSED, Detail, TransportError
from adapters.outbound.fabric.gateway.messages import ErrorDetail, Status
from adapters.outbound.fabric.gateway.preference import CHECK_SECONDS, Preference
from shared.protowire import NotProtobuf, decode

LARGEST_MESSAGE = 100 << 20
"""Bytes; a peer's own limit, unless set otherwise."""

WAITING = "CommitStatus"
"""The method by which a peer is silent for as long as there is nothing to say."""

CHECK_WITHIN_SECONDS = 5.0
"""How long a peer may take to answer a check."""

_DETAILS = "grpc-status-details-bin"
_DETAIL_TYPE = "type.googleapis.com/gateway.ErrorDetail"
_OPTIONS: tuple[tuple[str, Any], ...] = (
    # A peer answers pings that come more often than once a minute with GOAWAY.
    ("grpc.keepalive_time_ms", 120_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # In spite of its name, how long an attempt to connect may take: a peer may be a continent away, or busy. What is
    # refused is tried again as soon as before.
    ("grpc.min_reconnect_backoff_ms", 3_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


class Transport(Protocol):
    """Carries encoded requests to `/gateway.Gateway/<method>`. MUST raise TransportError, and nothing else, when it
    fails, with the peers' details where there are any."""

    async def call(self, method: str, request: bytes, *, timeout_seconds: float) -> bytes: ...

    def stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        """The messages of a stream, until whoever reads it closes it or it fails."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A gateway peer: host and port, the PEM roots of its TLS certificate, and the name in it where that is not the
    host's (dialled by IP address, say). `certificate` and `private_key` are for peers that ask clients for TLS
    certificates too."""

    address: str
    roots: bytes
    name: str | None = None
    certificate: bytes | None = None
    private_key: bytes | None = None


class GrpcTransport:
    """Implements Transport; made inside the running loop. A peer that cannot be reached is left for the next one.

    What one peer refused is not asked of another: only connections that fail are. One that stands still is left by the
    next call. Calls go back to a peer that was left once it has answered for a while; streams stay where they are.
    """

    def __init__(self, peers: Sequence[Peer]) -> None:
        if not peers:
            raise ValueError("a gateway needs at least one peer")
        self._channels = [_channel(peer) for peer in peers]
        self._preference = Preference(len(peers))
        self._checking: asyncio.Task[None] | None = None
        self._closed = False

    async def call(self, method: str, request: bytes, *, timeout_seconds: float) -> bytes:
        """Raises TransportError, of the last peer that was tried."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_seconds
        for attempt in range(len(self._channels)):
            self._require_open()
            place = self._preference.current
            try:
                with self._ending_calls():
                    left = max(deadline - clock(), 0)
                    answer: bytes = await _unary(self._channels[place], method)(request, timeout=left)
            except grpc.aio.AioRpcError as error:
                ended = _ended(error, over=clock() >= deadline)
                if not self._left(place, ended, method) or attempt + 1 == len(self._channels):
                    raise ended from None
            else:
                return answer
        raise AssertionError("the last attempt returns or raises")

    async def stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        """Begins at whichever peer answers; raises TransportError when the stream ends, however it does."""
        self._require_open()
        place = self._preference.current
        multicallable: Any = self._channels[place].unary_stream(f"/gateway.Gateway/{method}")
        call = multicallable(request)
        try:
            with self._ending_calls():
                async for message in call:
                    yield message
        except grpc.aio.AioRpcError as error:
            ended = _transport_error(error)
            self._left(place, ended, method)
            raise ended from None
        finally:
            call.cancel()
        raise TransportError("UNAVAILABLE", "the peer ended the stream")

    async def close(self) -> None:
        self._closed = True
        if self._checking is not None:
            self._checking.cancel()
        await asyncio.gather(*(channel.close() for channel in self._channels))

    def _require_open(self) -> None:
        if self._closed:
            raise TransportError(grpc.StatusCode.CANCELLED.name, CLOSED)

    @contextmanager
    def _ending_calls(self) -> Iterator[None]:
        """gRPC cancels what is under way on a channel that is closed: whoever waits for it was not cancelled itself."""
        try:
            yield
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                self._require_open()
            raise

    def _left(self, place: int, ended: TransportError, method: str) -> bool:
        """Whether it was the connection that failed; the next call then begins at the next peer.

        It does so too where a peer was silent until the time was over, which is no reason to ask again at once.
        """
        failed = ended.code == grpc.StatusCode.UNAVAILABLE.name
        silent = ended.code == grpc.StatusCode.DEADLINE_EXCEEDED.name and method != WAITING
        if ended.details or not (failed or silent):
            return False
        self._preference.leave(place, asyncio.get_running_loop().time())
        if self._preference.current and not self._closed and (self._checking is None or self._checking.done()):
            self._checking = asyncio.create_task(self._check())
        return failed

    async def _check(self) -> None:
        """Until calls begin at the first peer again."""
        while self._preference.current:
            await asyncio.sleep(CHECK_SECONDS)
            answers = await asyncio.gather(*map(self._answers, range(self._preference.current)))
            self._preference.note(answers, asyncio.get_running_loop().time())

    async def _answers(self, place: int) -> bool:
        """Whether a peer refuses an evaluation of nothing, as one does that works.

        A connection tells less: that of a process that stands still is as good as ever.
        """
        evaluate = _unary(self._channels[place], "Evaluate")
        try:
            await evaluate(b"", timeout=CHECK_WITHIN_SECONDS, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.INVALID_ARGUMENT
        return True


def _channel(peer: Peer) -> grpc.aio.Channel:
    credentials = grpc.ssl_channel_credentials(peer.roots, peer.private_key, peer.certificate)
    named = () if peer.name is None else (("grpc.ssl_target_name_override", peer.name),)
    return grpc.aio.secure_channel(peer.address, credentials, options=(*_OPTIONS, *named))


def _unary(channel: grpc.aio.Channel, method: str) -> Any:
    return channel.unary_unary(f"/gateway.Gateway/{method}")


def _ended(error: grpc.aio.AioRpcError, *, over: bool) -> TransportError:
    """A peer keeps the time of a call too and resets its stream, which is CANCELLED where that is heard first."""
    if over and error.code() is grpc.StatusCode.CANCELLED:
        return TransportError(grpc.StatusCode.DEADLINE_EXCEEDED.name, error.details() or "", _details(error))
    return _transport_error(error)


def _transport_error(error: grpc.aio.AioRpcError) -> TransportError:
    return TransportError(error.code().name, error.details() or "", _details(error))


def _details(error: grpc.aio.AioRpcError) -> list[Detail]:
    found = []
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            with suppress(NotProtobuf):
                found += [decode(ErrorDetail, one.value) for one in decode(Status, value).details if _is_detail(one)]
    return [Detail(address=one.address, msp_id=one.msp_id, message=one.message) for one in found]


def _is_detail(wrapped: Any) -> bool:
    return bool(wrapped.type_url == _DETAIL_TYPE)
