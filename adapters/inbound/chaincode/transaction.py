"""One transaction on a peer's stream: its questions, one at a time, and the stub that the contract sees over them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from adapters.inbound.chaincode.messages import (
    ChaincodeAdditionalParams,
    ChaincodeEvent,
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
    QueryState,
    SerializedIdentity,
    SignatureHeader,
    SignedProposal,
    StateMetadata,
    StateMetadataResult,
    WriteBatchState,
    WriteRecord,
)
from adapters.inbound.chaincode.stub import Caller, Change, StateUnavailable
from shared.protowire import decode, encode

POLICY = "VALIDATION_PARAMETER"
_FIRST_KEY = "\x01"
"""A range that begins with nothing begins here: peers keep what begins with a zero for themselves."""

Send = Callable[[ChaincodeMessage], Awaitable[None]]
T = TypeVar("T")


class Conversation:
    """A transaction's questions to the peer; raises StateUnavailable when it refuses one, or once all is over.

    Peers drop a second question while one is under way, and never answer it: so the second waits here.
    """

    def __init__(self, send: Send, channel: str, tx_id: str) -> None:
        self.channel = channel
        self.tx_id = tx_id
        self._send = send
        self._turn = asyncio.Lock()
        self._awaited: asyncio.Future[ChaincodeMessage] | None = None
        self._is_over = False

    async def ask(self, kind: Kind, question: object) -> bytes:
        """The payload of the peer's RESPONSE."""
        async with self._turn:
            if self._is_over:
                raise StateUnavailable("the transaction is over")
            self._awaited = asyncio.get_running_loop().create_future()
            await self._send(self._message(kind, encode(question)))
            try:
                answer = await self._awaited
            finally:
                self._awaited = None
        if answer.type != Kind.RESPONSE:
            raise StateUnavailable(f"the peer refused {kind.name}")
        return answer.payload

    def hear(self, answer: ChaincodeMessage) -> bool:
        """Whether that was the answer to a question."""
        if self._awaited is None or self._awaited.done():
            return False
        self._awaited.set_result(answer)
        return True

    async def complete(self, response: object, event: ChaincodeEvent | None) -> None:
        """The last word."""
        self._is_over = True
        await self._send(self._message(Kind.COMPLETED, encode(response), event))

    def _message(self, kind: Kind, payload: bytes, event: ChaincodeEvent | None = None) -> ChaincodeMessage:
        return ChaincodeMessage(
            type=kind, payload=payload, txid=self.tx_id, channel_id=self.channel, chaincode_event=event
        )


class Transaction:
    """Implements Stub over a Conversation. Writes are kept, and sent by `write` alone. Raises NotProtobuf."""

    def __init__(self, message: ChaincodeMessage, peer: Conversation, offers: ChaincodeAdditionalParams) -> None:
        proposal = decode(Proposal, (message.proposal or SignedProposal()).proposal_bytes)
        signed = decode(SignatureHeader, decode(Header, proposal.header).signature_header)
        creator = decode(SerializedIdentity, signed.creator)
        self.channel = message.channel_id
        self.tx_id = message.txid
        self.caller = Caller(msp_id=creator.mspid, certificate=creator.id_bytes)
        self.arguments = decode(ChaincodeInput, message.payload).args
        self.transient: Mapping[str, bytes] = decode(ChaincodeProposalPayload, proposal.payload).transient_map
        self.event: ChaincodeEvent | None = None
        self._peer = peer
        self._offers = offers
        self._writes: list[WriteRecord] = []

    async def get(self, key: str) -> bytes | None:
        return await self._peer.ask(Kind.GET_STATE, Key(key=_some(key))) or None

    async def get_many(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        if not self._offers.use_get_multiple_keys:
            return [await self.get(key) for key in keys]
        found: list[bytes | None] = []
        for some in _chunks(keys, self._offers.max_size_get_multiple_keys):
            question = GetStateMultiple(keys=tuple(map(_some, some)))
            answer = decode(GetStateMultipleResult, await self._peer.ask(Kind.GET_STATE_MULTIPLE, question)).values
            if len(answer) != len(some):
                raise StateUnavailable("the peer answered with another number of values")
            found += [value or None for value in answer]
        return found

    def scan(self, start: str, end: str) -> AsyncGenerator[tuple[str, bytes], None]:
        question = GetStateByRange(start_key=start or _FIRST_KEY, end_key=end)
        return self._results(Kind.GET_STATE_BY_RANGE, question, _key_value)

    def history(self, key: str) -> AsyncGenerator[Change, None]:
        return self._results(Kind.GET_HISTORY_FOR_KEY, Key(key=_some(key)), _change)

    async def policy(self, key: str) -> bytes | None:
        answer = await self._peer.ask(Kind.GET_STATE_METADATA, Key(key=_some(key)))
        entries = decode(StateMetadataResult, answer).entries
        return next((entry.value for entry in entries if entry.metakey == POLICY), None)

    def put(self, key: str, value: bytes) -> None:
        self._writes.append(WriteRecord(type=Kind.PUT_STATE, key=_some(key), value=_some(value)))

    def delete(self, key: str) -> None:
        self._writes.append(WriteRecord(type=Kind.DEL_STATE, key=_some(key)))

    def require(self, key: str, policy: bytes) -> None:
        metadata = StateMetadata(metakey=POLICY, value=_some(policy))
        self._writes.append(WriteRecord(type=Kind.PUT_STATE_METADATA, key=_some(key), metadata=metadata))

    def emit(self, name: str, payload: bytes) -> None:
        if self.event is not None:
            raise ValueError("a transaction has one event")
        self.event = ChaincodeEvent(event_name=_some(name), payload=payload)

    async def write(self) -> None:
        """Hands all writes to the peer, in their order."""
        if self._offers.use_write_batch:
            for some in _chunks(self._writes, self._offers.max_size_write_batch):
                await self._peer.ask(Kind.WRITE_BATCH_STATE, WriteBatchState(rec=tuple(some)))
        else:
            for each in self._writes:
                await self._peer.ask(Kind(each.type), _alone(each))

    async def _results(self, kind: Kind, question: object, read: Callable[[bytes], T]) -> AsyncGenerator[T, None]:
        page = decode(QueryResponse, await self._peer.ask(kind, question))
        try:
            while True:
                for result in page.results:
                    yield read(result.result_bytes)
                if not page.has_more:
                    return
                page = decode(QueryResponse, await self._peer.ask(Kind.QUERY_STATE_NEXT, QueryState(id=page.id)))
        except GeneratorExit:
            # Left before the end. A peer closes what a finished transaction left open by itself.
            if page.has_more:
                with suppress(StateUnavailable):
                    await self._peer.ask(Kind.QUERY_STATE_CLOSE, QueryState(id=page.id))
            raise


def _alone(write: WriteRecord) -> object:
    if write.type == Kind.PUT_STATE:
        return PutState(key=write.key, value=write.value)
    if write.type == Kind.DEL_STATE:
        return Key(key=write.key)
    return PutStateMetadata(key=write.key, metadata=write.metadata)


def _key_value(data: bytes) -> tuple[str, bytes]:
    found = decode(KeyValue, data)
    return found.key, found.value


def _change(data: bytes) -> Change:
    found = decode(KeyModification, data)
    return Change(tx_id=found.tx_id, value=None if found.is_delete else found.value)


E = TypeVar("E", str, bytes)


def _some(value: E) -> E:
    """Raises ValueError for nothing, which would mean a deletion or another contract's key."""
    if not value:
        raise ValueError("a key, a name or a value that is empty")
    return value


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    step = max(size, 1)
    return (items[start : start + step] for start in range(0, len(items), step))
