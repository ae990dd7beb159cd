"""How a simulated peer runs chaincode: over the real stream to a chaincode server, or as a function in this process."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import grpc

from adapters.outbound.fabric.gateway.messages import (
    ChaincodeEvent,
    ChaincodeID,
    ChaincodeInput,
    ChaincodeProposalPayload,
    Header,
    Proposal,
    Response,
    SignatureHeader,
)
from shared.protowire import NotProtobuf, decode, encode
from tests.fabric_simulator.chaincode_requests import Call, Requests
from tests.fabric_simulator.messages import AdditionalParams, ChaincodeMessage, Kind
from tests.fabric_simulator.node import Node, Now, Unreachable
from tests.fabric_simulator.rwset import Forbidden, Range
from tests.fabric_simulator.state import Past

DIAL_SECONDS = 3.0
EXECUTE_SECONDS = 30.0
_LARGEST = 100 << 20


class ChaincodeFailed(Exception):
    """No answer came of the chaincode; the text is what the peer says after `error in simulation: `."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What the chaincode answered, with its event."""

    response: Response
    event: ChaincodeEvent | None = None


class Chaincode(Protocol):
    """One peer's chaincode."""

    async def execute(self, call: Call) -> Completed:
        """Raises ChaincodeFailed."""

    async def close(self) -> None: ...


class ChaincodeNode(Node):
    """One peer's chaincode as a process that faults may befall. Implements Chaincode."""

    def __init__(self, name: str, chaincode: Chaincode, now: Now) -> None:
        super().__init__(name, now)
        self._chaincode = chaincode

    async def execute(self, call: Call) -> Completed:
        if self.dead():
            package_id = f"{call.namespace}:{sha256(self.name.encode()).hexdigest()}"
            raise _not_executed(call, _not_launched(package_id, "127.0.0.1:9999"))
        try:
            return await asyncio.wait_for(self.run(self._chaincode.execute(call)), EXECUTE_SECONDS)
        except TimeoutError:
            raise _not_executed(call, "error sending: timeout expired while executing transaction") from None
        except Unreachable:
            raise _not_executed(call, "error sending: chaincode stream terminated") from None

    async def close(self) -> None:
        await self._chaincode.close()


class Stub:
    """What a chaincode function in this process sees of its call. Reads see committed state only."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.event: ChaincodeEvent | None = None
        self.channel, self.tx_id = call.channel, call.tx_id
        arguments = decode(ChaincodeInput, call.input).args
        self.function = arguments[0].decode() if arguments else ""
        self.arguments = arguments[1:]

    @property
    def creator(self) -> bytes:
        """The caller's SerializedIdentity, encoded."""
        header = decode(Header, decode(Proposal, self._call.proposal.proposal_bytes).header)
        return decode(SignatureHeader, header.signature_header).creator

    @property
    def transient(self) -> Mapping[str, bytes]:
        proposal = decode(Proposal, self._call.proposal.proposal_bytes)
        return decode(ChaincodeProposalPayload, proposal.payload).transient_map

    def get(self, key: str) -> bytes:
        """Empty where it is absent."""
        return self._call.simulation.get(self._call.namespace, key)

    def put(self, key: str, value: bytes) -> None:
        self._call.simulation.put(self._call.namespace, key, value)

    def delete(self, key: str) -> None:
        self._call.simulation.put(self._call.namespace, key, b"")

    def range(self, start: str, end: str) -> Range:
        return self._call.simulation.range(self._call.namespace, start, end)

    def history(self, key: str) -> list[Past]:
        return self._call.simulation.state.history(self._call.namespace, key)

    def metadata(self, key: str) -> Mapping[str, bytes]:
        return self._call.simulation.metadata(self._call.namespace, key)

    def put_metadata(self, key: str, name: str, value: bytes) -> None:
        self._call.simulation.put_metadata(self._call.namespace, key, name, value)

    def announce(self, name: str, payload: bytes = b"") -> None:
        """Sets the transaction's one event."""
        self.event = ChaincodeEvent(event_name=name, payload=payload)


Function = Callable[[Stub], Awaitable[Response]]


class FunctionChaincode:
    """Implements Chaincode by calling a function; what it raises is the chaincode's ERROR."""

    def __init__(self, function: Function) -> None:
        self._function = function

    async def execute(self, call: Call) -> Completed:
        stub = Stub(call)
        try:
            response = await self._function(stub)
        except Exception as error:
            raise ChaincodeFailed(f"transaction returned with failure: {error}") from error
        return Completed(response=response, event=stub.event)

    async def close(self) -> None:
        """There is nothing to close."""


Connect = Callable[[AsyncIterator[bytes]], Awaitable[AsyncGenerator[bytes, None]]]
"""Opens `/protos.Chaincode/Connect`: takes what the peer says, gives what the chaincode says. Raises ConnectionError
with the peer's words when the chaincode cannot be reached."""


Run = Callable[[AsyncIterator[bytes], Callable[[bytes], None]], Awaitable[None]]
"""A chaincode's half of one stream: hears what the peer says, and says what it likes, until it returns."""


def spoken(run: Run) -> Connect:
    """A chaincode in this process, over the same messages as a served one."""

    async def connect(messages: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        return conversation(run, messages)

    return connect


async def conversation(run: Run, messages: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """What the chaincode says."""
    outgoing: asyncio.Queue[bytes | None] = asyncio.Queue()
    running = asyncio.ensure_future(run(messages, outgoing.put_nowait))
    running.add_done_callback(lambda _: outgoing.put_nowait(None))
    try:
        while (message := await outgoing.get()) is not None:
            yield message
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def dialled(address: str, package_id: str) -> Connect:
    """A chaincode server at an address, over gRPC without TLS."""

    async def connect(messages: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        options: tuple[tuple[str, Any], ...] = (
            ("grpc.max_receive_message_length", _LARGEST),
            ("grpc.max_send_message_length", _LARGEST),
        )
        channel = grpc.aio.insecure_channel(address, options=options)
        try:
            await asyncio.wait_for(channel.channel_ready(), DIAL_SECONDS)
        except TimeoutError:
            await channel.close()
            raise ConnectionError(_not_launched(package_id, address)) from None
        return _until_closed(channel, messages)

    return connect


async def _until_closed(channel: grpc.aio.Channel, messages: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    multicallable: Any = channel.stream_stream("/protos.Chaincode/Connect")
    try:
        with suppress(grpc.aio.AioRpcError):
            async for message in multicallable(messages):
                yield message
    finally:
        await channel.close()


@dataclass(slots=True)
class _Running:
    call: Call
    requests: Requests
    done: "asyncio.Future[ChaincodeMessage]"
    busy: bool = False


class StreamedChaincode:
    """Implements Chaincode over the stream, as the peer's half of it. Connects at the first call, and again at the
    next one after the stream ended. Fabric before 3.1 offers no batches."""

    def __init__(self, connect: Connect, package_id: str, *, batches: bool) -> None:
        self._connect, self._package_id, self._batches = connect, package_id, batches
        self._outgoing: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._running: dict[tuple[str, str], _Running] = {}
        self._ready: asyncio.Future[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def execute(self, call: Call) -> Completed:
        await self._launched(call)
        key = (call.channel, call.tx_id)
        if key in self._running:
            raise _not_executed(call, f"error sending: txid: {call.tx_id}({call.channel}) exists")
        running = self._running[key] = _Running(call, Requests(call), asyncio.get_running_loop().create_future())
        self._say(Kind.TRANSACTION, call.channel, call.tx_id, call.input, call)
        try:
            said = await running.done
        except ConnectionError:
            raise _not_executed(call, "error sending: chaincode stream terminated") from None
        finally:
            del self._running[key]
        if said.type == Kind.ERROR:
            raise ChaincodeFailed(f"transaction returned with failure: {said.payload.decode(errors='replace')}")
        try:
            return Completed(response=decode(Response, said.payload), event=said.chaincode_event)
        except NotProtobuf as error:
            raise ChaincodeFailed(f"failed to unmarshal response for transaction {call.tx_id}: {error}") from error

    async def close(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _launched(self, call: Call) -> None:
        if self._reading is None or self._reading.done():
            self._outgoing = asyncio.Queue()
            self._ready = asyncio.get_running_loop().create_future()
            self._reading = asyncio.create_task(self._read(self._ready))
        assert self._ready is not None
        try:
            await asyncio.shield(self._ready)
        except ConnectionError as error:
            raise _not_executed(call, str(error)) from None

    async def _read(self, ready: "asyncio.Future[None]") -> None:
        """The stream, from dialling to its end; whatever still runs then has failed."""
        ended = ConnectionError(
            f"could not launch chaincode {self._package_id}: chaincode registration failed: "
            f"connection to {self._package_id} terminated"
        )
        try:
            async with aclosing(await self._connect(self._said())) as stream:
                async for data in stream:
                    if not self._heard(decode(ChaincodeMessage, data), ready):
                        break
        except ConnectionError as error:
            ended = error
        except NotProtobuf:
            pass
        finally:
            self._outgoing.put_nowait(None)
            for running in self._running.values():
                if not running.done.done():
                    running.done.set_exception(ended)
            if not ready.done():
                ready.set_exception(ended)
            with suppress(ConnectionError):
                await ready

    async def _said(self) -> AsyncIterator[bytes]:
        outgoing = self._outgoing
        while (message := await outgoing.get()) is not None:
            yield message

    def _heard(self, message: ChaincodeMessage, ready: "asyncio.Future[None]") -> bool:
        """False where a peer ends the stream: at what it does not know, or does not know yet."""
        if message.type == Kind.KEEPALIVE:
            return True
        if not ready.done():
            return self._registered(message, ready)
        running = self._running.get((message.channel_id, message.txid))
        if message.type in (Kind.COMPLETED, Kind.ERROR):
            if running is not None and not running.done.done():
                running.done.set_result(message)
            return True
        if message.type not in _REQUESTS or (message.type in _BATCHES and not self._batches):
            return False
        if running is not None and running.busy:
            return True
        if running is not None:
            running.busy = True
        answering = asyncio.create_task(self._answer(message, running))
        self._answering.add(answering)
        answering.add_done_callback(self._answering.discard)
        return True

    def _registered(self, message: ChaincodeMessage, ready: "asyncio.Future[None]") -> bool:
        if message.type != Kind.REGISTER or not decode(ChaincodeID, message.payload).name:
            return False
        offers = AdditionalParams(
            use_write_batch=True,
            max_size_write_batch=1000,
            use_get_multiple_keys=True,
            max_size_get_multiple_keys=1000,
        )
        self._say(Kind.REGISTERED, "", "", b"")
        self._say(Kind.READY, "", "", encode(offers) if self._batches else b"")
        ready.set_result(None)
        return True

    async def _answer(self, message: ChaincodeMessage, running: _Running | None) -> None:
        """Not at once: a second request that was sent without waiting is to be seen, and dropped."""
        await asyncio.sleep(0.0005)
        kind = Kind(message.type)
        try:
            if running is None or running.done.done():
                raise Forbidden("no ledger context")
            answer, said = running.requests.answer(kind, message.payload), Kind.RESPONSE
        except Forbidden as error:
            answer = f"{kind.name} failed: transaction ID: {message.txid}: {error}".encode()
            said = Kind.ERROR
        if running is not None:
            running.busy = False
        self._say(said, message.channel_id, message.txid, answer)

    def _say(self, kind: Kind, channel: str, tx_id: str, payload: bytes, call: Call | None = None) -> None:
        proposal = None if call is None else call.proposal
        message = ChaincodeMessage(type=kind, payload=payload, txid=tx_id, proposal=proposal, channel_id=channel)
        self._outgoing.put_nowait(encode(message))


_BATCHES = {Kind.WRITE_BATCH_STATE, Kind.GET_STATE_MULTIPLE}
_REQUESTS = _BATCHES | {
    Kind.GET_STATE,
    Kind.PUT_STATE,
    Kind.DEL_STATE,
    Kind.INVOKE_CHAINCODE,
    Kind.GET_STATE_BY_RANGE,
    Kind.GET_QUERY_RESULT,
    Kind.QUERY_STATE_NEXT,
    Kind.QUERY_STATE_CLOSE,
    Kind.GET_HISTORY_FOR_KEY,
    Kind.GET_STATE_METADATA,
    Kind.PUT_STATE_METADATA,
    Kind.GET_PRIVATE_DATA_HASH,
    Kind.PURGE_PRIVATE_DATA,
}


def _not_launched(package_id: str, address: str) -> str:
    """What a peer says where nobody listens."""
    return (
        f"could not launch chaincode {package_id}: connection to {package_id} failed: "
        f"error cannot create connection for {package_id}: error creating grpc connection to {address}: "
        'failed to create new connection: connection error: desc = "transport: error while dialing: '
        f'dial tcp {address}: connect: connection refused"'
    )


def _not_executed(call: Call, cause: str) -> ChaincodeFailed:
    return ChaincodeFailed(f"failed to execute transaction {call.tx_id}: {cause}")
