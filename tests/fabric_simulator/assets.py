"""Chaincode for tests, as a server of the stream that peers dial: reads, writes, ranges, policies, and bad manners.

It runs at a real peer and at a simulated one alike: python -m tests.fabric_simulator.assets ADDRESS PACKAGE-ID
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc

from adapters.outbound.fabric.gateway.messages import (
    ChaincodeEvent,
    ChaincodeID,
    ChaincodeInput,
    ChaincodeProposalPayload,
    Proposal,
    Response,
    SignedProposal,
)
from shared.protowire import decode, encode
from tests.fabric_simulator.chaincode_side import conversation
from tests.fabric_simulator.messages import (
    KV,
    ChaincodeMessage,
    GetState,
    GetStateByRange,
    GetStateMultiple,
    GetStateMultipleResult,
    KeyModification,
    Kind,
    PutState,
    PutStateMetadata,
    QueryId,
    QueryMetadata,
    QueryResponse,
    QueryResponseMetadata,
    StateMetadata,
    StateMetadataResult,
    WriteBatchState,
    WriteRecord,
)
from tests.fabric_simulator.policies import VALIDATION_PARAMETER, all_of

OK, BAD = 200, 500


class Refusal(Exception):
    """The peer answered a request with ERROR; the text is its own."""


@dataclass(slots=True)
class Invocation:
    """One transaction on the stream."""

    say: Callable[[bytes], None]
    message: ChaincodeMessage
    stranger: str
    """What tells this server from those of other organisations."""

    answers: "asyncio.Queue[ChaincodeMessage]" = field(default_factory=asyncio.Queue)
    event: ChaincodeEvent | None = None

    async def ask(self, kind: Kind, request: object) -> bytes:
        """The RESPONSE's payload; raises Refusal."""
        self.send(kind, request)
        answer = await self.answers.get()
        if answer.type == Kind.ERROR:
            raise Refusal(answer.payload.decode())
        return answer.payload

    def send(self, kind: Kind, request: object) -> None:
        said = ChaincodeMessage(
            type=kind, payload=encode(request), txid=self.message.txid, channel_id=self.message.channel_id
        )
        self.say(encode(said))

    async def get(self, key: str) -> bytes:
        return await self.ask(Kind.GET_STATE, GetState(key=key))

    async def put(self, key: str, value: bytes) -> None:
        await self.ask(Kind.PUT_STATE, PutState(key=key, value=value))

    async def results(self, kind: Kind, request: object) -> tuple[list[bytes], QueryResponse]:
        """All results of a query, batch after batch, and its last answer."""
        response = decode(QueryResponse, await self.ask(kind, request))
        found = [one.result_bytes for one in response.results]
        while response.has_more:
            response = decode(QueryResponse, await self.ask(Kind.QUERY_STATE_NEXT, QueryId(id=response.id)))
            found += [one.result_bytes for one in response.results]
        return found, response


def ok(payload: bytes = b"") -> Response:
    return Response(status=OK, payload=payload)


async def _put(call: Invocation, key: str, value: str, event: str = "") -> Response:
    await call.put(key, value.encode())
    if event:
        call.event = ChaincodeEvent(event_name=event, payload=value.encode())
    return ok()


async def _get(call: Invocation, key: str) -> Response:
    return ok(await call.get(key))


async def _append(call: Invocation, key: str, value: str, event: str = "") -> Response:
    """Reads what it writes, so that two at once are in conflict."""
    return await _put(call, key, (await call.get(key)).decode() + value, event)


async def _fill(call: Invocation, prefix: str, count: str) -> Response:
    for number in range(int(count)):
        await call.put(f"{prefix}{number:04}", b"filled")
    return ok()


async def _delete(call: Invocation, key: str) -> Response:
    await call.ask(Kind.DEL_STATE, GetState(key=key))
    return ok()


async def _own_write(call: Invocation, key: str) -> Response:
    await call.put(key, b"new")
    return ok(await call.get(key))


async def _answer(_call: Invocation, status: str, text: str) -> Response:
    return Response(status=int(status), message=text, payload=text.encode())


async def _crash(_call: Invocation, text: str) -> Response:
    raise Refusal(text)


async def _range(call: Invocation, start: str, end: str) -> Response:
    found, _ = await call.results(Kind.GET_STATE_BY_RANGE, GetStateByRange(start_key=start, end_key=end))
    return ok(json.dumps([decode(KV, one).key for one in found]).encode())


async def _count(call: Invocation, start: str, end: str, key: str) -> Response:
    """Writes how many there are, so that another one is a phantom."""
    found, _ = await call.results(Kind.GET_STATE_BY_RANGE, GetStateByRange(start_key=start, end_key=end))
    await call.put(key, str(len(found)).encode())
    return ok(str(len(found)).encode())


async def _page(call: Invocation, start: str, end: str, size: str, bookmark: str = "") -> Response:
    page = encode(QueryMetadata(page_size=int(size), bookmark=bookmark))
    asked = GetStateByRange(start_key=start, end_key=end, metadata=page)
    found, last = await call.results(Kind.GET_STATE_BY_RANGE, asked)
    metadata = decode(QueryResponseMetadata, last.metadata)
    keys = [decode(KV, one).key for one in found]
    return ok(json.dumps([keys, metadata.fetched_records_count, metadata.bookmark]).encode())


async def _history(call: Invocation, key: str) -> Response:
    found, _ = await call.results(Kind.GET_HISTORY_FOR_KEY, GetState(key=key))
    past = [decode(KeyModification, one) for one in found]
    return ok(json.dumps([["deleted" if one.is_delete else one.value.decode(), one.tx_id] for one in past]).encode())


async def _first_batch(call: Invocation, start: str, end: str) -> Response:
    """One batch, closed before its end, and then asked to go on nevertheless."""
    asked = GetStateByRange(start_key=start, end_key=end)
    response = decode(QueryResponse, await call.ask(Kind.GET_STATE_BY_RANGE, asked))
    await call.ask(Kind.QUERY_STATE_CLOSE, QueryId(id=response.id))
    await call.put("batch", str(len(response.results)).encode())
    await call.ask(Kind.QUERY_STATE_NEXT, QueryId(id=response.id))
    return ok()


async def _protect(call: Invocation, key: str, *msp_ids: str) -> Response:
    metadata = StateMetadata(metakey=VALIDATION_PARAMETER, value=all_of(msp_ids))
    await call.ask(Kind.PUT_STATE_METADATA, PutStateMetadata(key=key, metadata=metadata))
    return ok()


async def _protection(call: Invocation, key: str) -> Response:
    found = decode(StateMetadataResult, await call.ask(Kind.GET_STATE_METADATA, GetState(key=key)))
    return ok(json.dumps([one.metakey for one in found.entries]).encode())


async def _batch(call: Invocation, *keys: str) -> Response:
    records = tuple(WriteRecord(key=key, value=b"in a batch", type=Kind.PUT_STATE) for key in keys)
    await call.ask(Kind.WRITE_BATCH_STATE, WriteBatchState(rec=records))
    return ok()


async def _many(call: Invocation, *keys: str) -> Response:
    found = decode(GetStateMultipleResult, await call.ask(Kind.GET_STATE_MULTIPLE, GetStateMultiple(keys=keys)))
    return ok(json.dumps([value.decode() for value in found.values]).encode())


async def _hurried(call: Invocation, key: str) -> Response:
    """Two requests at once, which a peer does not answer: it drops the second."""
    call.send(Kind.GET_STATE, GetState(key=key))
    call.send(Kind.GET_STATE, GetState(key=key))
    await call.answers.get()
    try:
        await asyncio.wait_for(call.answers.get(), 0.5)
    except TimeoutError:
        return ok(b"dropped")
    return ok(b"answered")


async def _stranger(call: Invocation) -> Response:
    return ok(call.stranger.encode())


async def _slow(_call: Invocation, seconds: str) -> Response:
    await asyncio.sleep(float(seconds))
    return ok()


async def _transient(call: Invocation, name: str) -> Response:
    proposal = decode(Proposal, (call.message.proposal or SignedProposal()).proposal_bytes)
    return ok(decode(ChaincodeProposalPayload, proposal.payload).transient_map.get(name, b""))


async def _unknown_kind(call: Invocation) -> Response:
    """Ends the stream."""
    call.say(encode(ChaincodeMessage(type=99, txid=call.message.txid, channel_id=call.message.channel_id)))
    await asyncio.sleep(5)
    return ok()


async def _no_function(_call: Invocation, *_arguments: str) -> Response:
    return Response(status=BAD, message="there is no such function")


_FUNCTIONS: dict[str, Callable[..., Awaitable[Response]]] = {
    "put": _put,
    "get": _get,
    "append": _append,
    "fill": _fill,
    "delete": _delete,
    "own-write": _own_write,
    "answer": _answer,
    "crash": _crash,
    "range": _range,
    "count": _count,
    "page": _page,
    "history": _history,
    "first-batch": _first_batch,
    "protect": _protect,
    "protection": _protection,
    "batch": _batch,
    "many": _many,
    "hurried": _hurried,
    "stranger": _stranger,
    "slow": _slow,
    "transient": _transient,
    "unknown-kind": _unknown_kind,
}


class AssetsServer:
    """The chaincode's half of the stream, for any number of peers."""

    def __init__(self, package_id: str, stranger: str = "") -> None:
        self._package_id, self._stranger = package_id, stranger

    async def run(self, messages: AsyncIterator[bytes], say: Callable[[bytes], None]) -> None:
        """One peer's stream."""
        say(encode(ChaincodeMessage(type=Kind.REGISTER, payload=encode(ChaincodeID(name=self._package_id)))))
        calls: dict[tuple[str, str], Invocation] = {}
        running = set[asyncio.Task[None]]()
        try:
            async for data in messages:
                message = decode(ChaincodeMessage, data)
                key = (message.channel_id, message.txid)
                if message.type == Kind.TRANSACTION:
                    calls[key] = Invocation(say, message, self._stranger)
                    task = asyncio.create_task(_invoked(calls[key]))
                    running.add(task)
                    task.add_done_callback(running.discard)
                    task.add_done_callback(partial(_done, calls, key))
                elif key in calls:
                    calls[key].answers.put_nowait(message)
        finally:
            for task in running:
                task.cancel()


def _done(calls: dict[tuple[str, str], Invocation], key: tuple[str, str], _task: "asyncio.Task[None]") -> None:
    calls.pop(key, None)


async def _invoked(call: Invocation) -> None:
    function, *arguments = (one.decode() for one in decode(ChaincodeInput, call.message.payload).args)
    kind, event = Kind.COMPLETED, None
    try:
        payload = encode(await _FUNCTIONS.get(function, _no_function)(call, *arguments))
        event = call.event
    except (Refusal, TypeError, ValueError) as error:
        kind, payload = Kind.ERROR, str(error).encode()
    completed = ChaincodeMessage(
        type=kind,
        payload=payload,
        txid=call.message.txid,
        channel_id=call.message.channel_id,
        chaincode_event=event,
    )
    call.say(encode(completed))


async def served(assets: AssetsServer, address: str = "127.0.0.1:0") -> tuple[grpc.aio.Server, int]:
    """A started server of it, and its port."""
    options: tuple[tuple[str, Any], ...] = (
        # A peer pings every minute, and a server's default answer to that is GOAWAY.
        ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
        ("grpc.keepalive_permit_without_calls", 1),
    )

    async def connect(requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
        async with aclosing(conversation(assets.run, requests)) as said:
            async for message in said:
                yield message

    handler: Any = grpc.stream_stream_rpc_method_handler(connect)
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("protos.Chaincode", {"Connect": handler}),))
    port = server.add_insecure_port(address)
    await server.start()
    return server, port


async def _main(address: str, package_id: str) -> None:
    server, _ = await served(AssetsServer(package_id, stranger=address), address)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
