"""A tiny chaincode server for tests of the network itself: put, get and fail, over Fabric's chaincode stream.

Command: python tests/support/tiny_chaincode.py 127.0.0.1:9999 witness:0123...
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import grpc

from adapters.outbound.fabric.gateway.messages import ChaincodeEvent, ChaincodeID, ChaincodeInput, Response
from shared.protowire import decode, encode

REGISTER, TRANSACTION, COMPLETED, ERROR, GET_STATE, PUT_STATE, RESPONSE = 1, 5, 6, 7, 8, 9, 13
OK, REFUSED = 200, 500
_OPTIONS = (
    # The peer pings every minute, also while nothing is asked.
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """ChaincodeMessage."""

    type: Annotated[int, 1] = 0
    payload: Annotated[bytes, 3] = b""
    txid: Annotated[str, 4] = ""
    event: Annotated[bytes, 6] = b""
    channel: Annotated[str, 7] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """PutState, and without a value GetState."""

    key: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""


class Refused(Exception):
    """The contract's own refusal."""


class Connection:
    """One peer's stream: each transaction is a task, and has one question to the peer at a time."""

    def __init__(self, package_id: str) -> None:
        self.out: asyncio.Queue[Message] = asyncio.Queue()
        self.out.put_nowait(Message(type=REGISTER, payload=encode(ChaincodeID(name=package_id))))
        self.waiting: dict[tuple[str, str], asyncio.Future[Message]] = {}
        self.running: set[asyncio.Task[None]] = set()

    def take(self, message: Message) -> None:
        if message.type == TRANSACTION:
            task = asyncio.get_running_loop().create_task(self._run(message))
            self.running.add(task)
            task.add_done_callback(self.running.discard)
        elif message.type in (RESPONSE, ERROR):
            self.waiting.pop((message.channel, message.txid)).set_result(message)

    async def _run(self, call: Message) -> None:
        about = replace(call, type=COMPLETED, payload=b"", event=b"")
        function, *arguments = (one.decode() for one in decode(ChaincodeInput, call.payload).args)
        try:
            answer, event = await self._called(about, function, arguments)
        except Refused as refused:
            answer, event = Response(status=REFUSED, message=str(refused)), b""
        await self.out.put(replace(about, payload=encode(answer), event=event))

    async def _called(self, about: Message, function: str, arguments: list[str]) -> tuple[Response, bytes]:
        match function, arguments:
            case "put", [key, value]:
                await self._ask(about, PUT_STATE, Entry(key=key, value=value.encode()))
                return Response(status=OK, payload=value.encode()), encode(
                    ChaincodeEvent(event_name="put", payload=key.encode())
                )
            case "get", [key]:
                return Response(status=OK, payload=await self._ask(about, GET_STATE, Entry(key=key))), b""
            case "fail", [words]:
                raise Refused(words)
        raise Refused(f"no function {function} with {len(arguments)} arguments")

    async def _ask(self, about: Message, kind: int, question: object) -> bytes:
        answered = asyncio.get_running_loop().create_future()
        self.waiting[about.channel, about.txid] = answered
        await self.out.put(replace(about, type=kind, payload=encode(question)))
        answer: Message = await answered
        if answer.type == ERROR:
            raise Refused(answer.payload.decode())
        return answer.payload


async def serve(address: str, package_id: str) -> None:
    async def connect(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        connection = Connection(package_id)

        async def read() -> None:
            async for request in requests:
                connection.take(decode(Message, request))

        reading = asyncio.get_running_loop().create_task(read())
        try:
            while True:
                yield encode(await connection.out.get())
        finally:
            reading.cancel()

    server = grpc.aio.server(options=_OPTIONS)
    handler: Any = grpc.stream_stream_rpc_method_handler(connect)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("protos.Chaincode", {"Connect": handler}),))
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
