"""The peer's half of a chaincode stream, over a real socket: it dials, registers, calls, and answers from a State."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

import grpc

from adapters.inbound.chaincode.messages import (
    ChaincodeAdditionalParams,
    ChaincodeID,
    ChaincodeInput,
    ChaincodeMessage,
    ChaincodeProposalPayload,
    GetStateByRange,
    GetStateMultiple,
    GetStateMultipleResult,
    Header,
    Key,
    KeyModification,
    KeyValue,
    Kind,
    Proposal,
    PutState,
    PutStateMetadata,
    QueryResponse,
    QueryResultBytes,
    QueryState,
    Response,
    SerializedIdentity,
    SignatureHeader,
    SignedProposal,
    StateMetadata,
    StateMetadataResult,
    WriteBatchState,
)
from adapters.inbound.chaincode.transaction import POLICY
from shared.protowire import decode, encode
from tests.support.chaincode import CHANNEL, MemoryStub, State

PAGE = 100
ALL_OFFERS = ChaincodeAdditionalParams(
    use_write_batch=True, max_size_write_batch=7, use_get_multiple_keys=True, max_size_get_multiple_keys=3
)
SIZES_ALONE = ChaincodeAdditionalParams(max_size_write_batch=1000, max_size_get_multiple_keys=1000)
"""What a peer says that offers neither."""

Before = Callable[[ChaincodeMessage], Awaitable[None]]
"""Is waited for before a question is answered; a LookupError of it is the peer's refusal."""


def signed_proposal(msp_id: str, transient: Mapping[str, bytes]) -> SignedProposal:
    creator = encode(SerializedIdentity(mspid=msp_id, id_bytes=b"PEM of " + msp_id.encode()))
    header = encode(Header(signature_header=encode(SignatureHeader(creator=creator))))
    payload = encode(ChaincodeProposalPayload(transient_map=transient))
    return SignedProposal(proposal_bytes=encode(Proposal(header=header, payload=payload)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What the chaincode said at the end, and what the peer simulated until then."""

    response: Response
    event: tuple[str, bytes] | None
    simulated: MemoryStub


@dataclass(slots=True)
class _Context:
    """One transaction at the peer: its simulation, its open queries, how many questions are being answered."""

    simulated: MemoryStub
    completed: "asyncio.Future[ChaincodeMessage]"
    queries: dict[str, list[bytes]] = field(default_factory=dict)
    asked: int = 0


class Peer:
    """A context manager: connected and registered inside. `asked` counts the questions by kind.

    As real peers do, it drops a question while another one of the same transaction is being answered.
    """

    def __init__(
        self,
        port: int,
        state: State,
        *,
        offers: ChaincodeAdditionalParams = SIZES_ALONE,
        credentials: grpc.ChannelCredentials | None = None,
        options: Sequence[tuple[str, Any]] = (),
        before: Before | None = None,
    ) -> None:
        address = f"127.0.0.1:{port}"
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(address, options=options)
        else:
            self._channel = grpc.aio.secure_channel(address, credentials, options=options)
        self.state = state
        self.package_id = ""
        self.asked: Counter[Kind] = Counter()
        self.dropped = 0
        self.closed: list[str] = []
        self.echoed = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        self._offers = offers
        self._before = before
        self._contexts: dict[tuple[str, str], _Context] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.dial()
        await self.register()
        return self

    async def dial(self) -> None:
        connect: Any = self._channel.stream_stream("/protos.Chaincode/Connect")
        self.call = connect()
        first = decode(ChaincodeMessage, await self.call.read())
        assert first.type == Kind.REGISTER
        self.package_id = decode(ChaincodeID, first.payload).name

    async def register(self) -> None:
        await self.send(ChaincodeMessage(type=Kind.REGISTERED))
        await self.send(ChaincodeMessage(type=Kind.READY, payload=encode(self._offers)))
        self.reading = asyncio.create_task(self._read())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.call.cancel()
        await self._channel.close()
        for task in (*self._tasks, self.reading):
            task.cancel()
        await asyncio.gather(*self._tasks, self.reading, return_exceptions=True)

    async def send(self, message: ChaincodeMessage | bytes) -> None:
        async with self._turn:
            await self.call.write(message if isinstance(message, bytes) else encode(message))

    async def stop_reading(self) -> None:
        """Until `reads` is set again. What is written to it meanwhile is stuck once the stream's window is full."""
        self.reads.clear()
        await self.send(ChaincodeMessage(type=Kind.KEEPALIVE))
        await self.echoed.wait()

    async def invoke(
        self,
        *arguments: str | bytes,
        tx_id: str = "tx",
        channel: str = CHANNEL,
        msp_id: str = "HarbourMSP",
        transient: Mapping[str, bytes] | None = None,
        kind: Kind = Kind.TRANSACTION,
    ) -> Completed:
        """Has the chaincode called; nothing is committed. Raises AioRpcError where the stream ends meanwhile."""
        simulated = MemoryStub(self.state, arguments, msp_id=msp_id, tx_id=tx_id)
        message = ChaincodeMessage(
            type=kind,
            payload=encode(ChaincodeInput(args=simulated.arguments)),
            txid=tx_id,
            channel_id=channel,
            proposal=signed_proposal(msp_id, transient or {}),
        )
        return await self.exchange(message, simulated)

    async def exchange(self, message: ChaincodeMessage, simulated: MemoryStub) -> Completed:
        """The same with a message as it stands."""
        context = _Context(simulated, asyncio.get_running_loop().create_future())
        self._contexts[message.channel_id, message.txid] = context
        await self.send(message)
        either: list[asyncio.Future[Any]] = [context.completed, self.reading]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not context.completed.done():
            await self.reading
            raise ConnectionError("the chaincode ended the stream")
        return self._completed(context)

    def _completed(self, context: _Context) -> Completed:
        message = context.completed.result()
        event = message.chaincode_event
        return Completed(
            response=decode(Response, message.payload),
            event=None if event is None else (event.event_name, event.payload),
            simulated=context.simulated,
        )

    async def _read(self) -> None:
        """Raises AioRpcError where the server ends the stream with an error."""
        while (data := await self.call.read()) is not grpc.aio.EOF:
            message = decode(ChaincodeMessage, data)
            if message.type == Kind.KEEPALIVE:
                self.echoed.set()
                await self.reads.wait()
                continue
            context = self._contexts.get((message.channel_id, message.txid))
            if message.type == Kind.COMPLETED:
                assert context is not None
                context.completed.set_result(message)
            else:
                task = asyncio.create_task(self._answer(message, context))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: ChaincodeMessage, context: _Context | None) -> None:
        kind = Kind(message.type)
        self.asked[kind] += 1
        answer = replace(message, type=Kind.RESPONSE, payload=b"")
        if context is None or context.completed.done():
            await self.send(replace(answer, type=Kind.ERROR, payload=f"{kind.name} failed: no ledger context".encode()))
            return
        if context.asked:
            self.dropped += 1
            return
        context.asked += 1
        try:
            if self._before is not None:
                await self._before(message)
            answer = replace(answer, payload=await self._result(kind, message.payload, context))
        except (AssertionError, LookupError):
            answer = replace(answer, type=Kind.ERROR, payload=f"{kind.name} failed".encode())
        context.asked -= 1
        await self.send(answer)

    async def _result(self, kind: Kind, payload: bytes, context: _Context) -> bytes:
        simulated = context.simulated
        if kind is Kind.GET_STATE:
            return await simulated.get(decode(Key, payload).key) or b""
        if kind is Kind.GET_STATE_MULTIPLE:
            keys = decode(GetStateMultiple, payload).keys
            assert len(keys) <= self._offers.max_size_get_multiple_keys
            values = await simulated.get_many(keys)
            return encode(GetStateMultipleResult(values=tuple(value or b"" for value in values)))
        if kind is Kind.GET_STATE_METADATA:
            policy = await simulated.policy(decode(Key, payload).key)
            entries = () if policy is None else (StateMetadata(metakey=POLICY, value=policy),)
            return encode(StateMetadataResult(entries=entries))
        if kind in {Kind.GET_STATE_BY_RANGE, Kind.GET_HISTORY_FOR_KEY}:
            context.queries["query"] = await self._found(kind, payload, simulated)
            return self._page(context, "query")
        if kind is Kind.QUERY_STATE_NEXT:
            return self._page(context, decode(QueryState, payload).id)
        if kind is Kind.QUERY_STATE_CLOSE:
            self.closed.append(decode(QueryState, payload).id)
            return encode(QueryResponse(id=self.closed[-1]))
        _write(kind, payload, simulated, self._offers)
        return b""

    async def _found(self, kind: Kind, payload: bytes, simulated: MemoryStub) -> list[bytes]:
        if kind is Kind.GET_STATE_BY_RANGE:
            asked = decode(GetStateByRange, payload)
            assert asked.start_key >= "\x01"
            pairs = simulated.scan(asked.start_key, asked.end_key)
            return [encode(KeyValue(namespace="cc", key=key, value=value)) async for key, value in pairs]
        changes = simulated.history(decode(Key, payload).key)
        return [
            encode(KeyModification(tx_id=each.tx_id, value=each.value or b"", is_delete=each.value is None))
            async for each in changes
        ]

    def _page(self, context: _Context, query: str) -> bytes:
        """Raises LookupError for a query that is at its end."""
        left = context.queries.pop(query)
        some, rest = left[:PAGE], left[PAGE:]
        if rest:
            context.queries[query] = rest
        results = tuple(QueryResultBytes(result_bytes=each) for each in some)
        return encode(QueryResponse(results=results, has_more=bool(rest), id=query))


def _write(kind: Kind, payload: bytes, simulated: MemoryStub, offers: ChaincodeAdditionalParams) -> None:
    if kind is Kind.WRITE_BATCH_STATE:
        records = decode(WriteBatchState, payload).rec
        assert offers.use_write_batch
        assert len(records) <= offers.max_size_write_batch
        for record in records:
            alone: Any = PutStateMetadata(key=record.key, metadata=record.metadata)
            if record.type != Kind.PUT_STATE_METADATA:
                alone = PutState(key=record.key, value=record.value)
            _write(Kind(record.type), encode(alone), simulated, offers)
    elif kind is Kind.PUT_STATE:
        put = decode(PutState, payload)
        simulated.put(put.key, put.value)
    elif kind is Kind.DEL_STATE:
        simulated.delete(decode(Key, payload).key)
    else:
        metadata = decode(PutStateMetadata, payload)
        assert metadata.metadata is not None
        assert metadata.metadata.metakey == POLICY
        simulated.require(metadata.key, metadata.metadata.value)
