"""Chaincode as a service: a gRPC server that peers dial, and keep a stream open to."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import grpc
import structlog

from adapters.inbound.chaincode.messages import ChaincodeMessage
from adapters.inbound.chaincode.session import Session, StreamBroken
from adapters.inbound.chaincode.stub import Contract
from adapters.inbound.grpc import listening
from adapters.inbound.grpc.settings import Tls
from shared.protowire import NotProtobuf, encode

SERVICE = "protos.Chaincode"
LARGEST_MESSAGE = 100 << 20
"""Bytes; a peer's own limit."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger("concordat.chaincode")

_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    # A peer pings every 60 s, also when it has nothing to ask; by default that is answered with GOAWAY.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    listening.ALONE,
)


class ChaincodeServer:
    """Serves a contract to any number of peers; listens before it starts, and is used inside one event loop."""

    def __init__(self, contract: Contract, package_id: str, *, tls: Tls | None = None) -> None:
        self._contract = contract
        self._package_id = package_id
        self._tls = tls
        self._sessions: set[Session] = set()
        connect: Any = grpc.stream_stream_rpc_method_handler(self._connect)
        self._server = grpc.aio.server(options=_OPTIONS)
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"Connect": connect})])

    def listen(self, host: str, port: int) -> int:
        """The port that it listens on: any free one for 0. Raises OSError if it is taken."""
        return listening.listen(self._server, host, port, self._tls)

    async def start(self) -> None:
        await self._server.start()

    async def stop(self, *, grace_seconds: float) -> None:
        """Transactions under way may end within the grace; then every stream is cut, since peers never end one."""
        drained = [asyncio.create_task(session.drain()) for session in self._sessions]
        if drained:
            await asyncio.wait(drained, timeout=grace_seconds)
        for task in drained:
            task.cancel()
        await self._server.stop(None)

    async def _connect(self, requests: AsyncIterator[bytes], context: Any) -> None:
        session = Session(self._contract, self._package_id, partial(_send, context, asyncio.Lock()))
        self._sessions.add(session)
        log.info("peer_connected", peer=context.peer())
        try:
            await session.run(requests)
        except (NotProtobuf, StreamBroken) as error:
            log.warning("stream_broken", peer=context.peer(), reason=str(error))
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "this is not what a peer says here")
        finally:
            self._sessions.discard(session)
            log.info("peer_gone", peer=context.peer())


async def _send(context: Any, turn: asyncio.Lock, message: ChaincodeMessage) -> None:
    """Many transactions answer on one stream, which takes one message at a time.

    What is being written goes on to its end, and keeps its turn, though whoever waits for it is cancelled: gRPC does
    not take back what it has begun, and refuses whatever comes in between.
    """
    data = encode(message)
    await turn.acquire()
    writing = asyncio.ensure_future(context.write(data))
    writing.add_done_callback(lambda _written: turn.release())
    await asyncio.shield(writing)
