"""The Gateway service of one peer: bytes in, bytes out, and TransportError as a client of gRPC would have it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from random import Random
from typing import TypeVar

from adapters.outbound.fabric.gateway.errors import Detail, TransportError
from adapters.outbound.fabric.gateway.messages import (
    ChaincodeEvent,
    ChaincodeEventsResponse,
    CommitStatusRequest,
    CommitStatusResponse,
    EndorseRequest,
    EndorseResponse,
    EvaluateRequest,
    EvaluateResponse,
    SignedProposal,
    SignedRequest,
    SubmitRequest,
    SubmitResponse,
)
from shared.protowire import NotProtobuf, decode, encode
from tests.fabric_simulator.channel import Channel
from tests.fabric_simulator.endorsing import Endorsing, InvalidProposal, Named, named
from tests.fabric_simulator.messages import AnySeekPosition, EventsRequest
from tests.fabric_simulator.node import Unreachable
from tests.fabric_simulator.orderer import Orderer, Rejected
from tests.fabric_simulator.peer import Peer
from tests.fabric_simulator.registry import Failed, Registry, refused_connection
from tests.fabric_simulator.state import Block
from tests.fabric_simulator.validation import VALID, parsed

M = TypeVar("M")

HUNG_UP = 0.5
"""How often an orderer that stood still drops what a client gave up meanwhile."""


class GatewayService:
    """What `/gateway.Gateway/<method>` of one peer answers."""

    def __init__(self, registry: Registry, orderer: Orderer, channel: Channel, rng: Random) -> None:
        self.peer = registry.local
        self._registry, self._orderer, self._channel, self._rng = registry, orderer, channel, rng
        self._endorsing = Endorsing(registry)
        self._calls = 0
        self._submitting: set[asyncio.Task[None]] = set()

    async def call(self, method: str, request: bytes) -> bytes:
        """Raises TransportError."""
        unary = _UNARY.get(method)
        if unary is None:
            raise TransportError("UNIMPLEMENTED", f"unknown method {method} for service gateway.Gateway")
        try:
            with self._counted():
                return await self.peer.run(unary(self, request))
        except Unreachable:
            raise _socket_closed() from None

    async def stream(self, request: bytes) -> AsyncGenerator[bytes, None]:
        """ChaincodeEvents; raises TransportError, and ends only so."""
        async with aclosing(self._events(request)) as events:
            while True:
                try:
                    yield await self.peer.run(anext(events), streamed=True)
                except Unreachable:
                    raise _socket_closed() from None

    async def _events(self, request: bytes) -> AsyncGenerator[bytes, None]:
        with self._counted():
            asked, start = self._events_asked(request)
            after = asked.after_transaction_id
            while True:
                block = await self.peer.replica.ledger.block(start)
                events = []
                for event in _events(block):
                    if after:
                        after = "" if event.tx_id == after else after
                    elif event.chaincode_id == asked.chaincode_id:
                        events.append(event)
                if events:
                    yield encode(ChaincodeEventsResponse(events=tuple(events), block_number=block.number))
                start += 1

    @contextmanager
    def _counted(self) -> Iterator[None]:
        limit = self._channel.limits.concurrent_calls
        if self._calls >= limit:
            raise TransportError(
                "UNKNOWN", f"too many requests for /gateway.Gateway, exceeding concurrency limit ({limit})"
            )
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    async def _evaluate(self, data: bytes) -> bytes:
        request = _decoded(EvaluateRequest, data)
        proposal = request.proposed_transaction or SignedProposal()
        try:
            asked = named(proposal, complete=True)
        except InvalidProposal as error:
            raise TransportError("INVALID_ARGUMENT", f"failed to unpack transaction proposal: {error}") from error
        if asked.channel != self._channel.name:
            raise TransportError("UNAVAILABLE", self._no_config(asked.channel))
        found = self._evaluators(asked, request.target_organizations)
        details: list[Detail] = []
        while True:
            answer = await self._registry.ask(found.pop(0), proposal)
            if not isinstance(answer, Failed):
                return encode(EvaluateResponse(result=answer.response))
            details.append(answer.detail)
            if not answer.retry:
                text = f"evaluate call to endorser returned error: {answer.message}"
                raise TransportError(answer.code, text, details)
            if not found:
                text = "failed to evaluate transaction, see attached details for more info"
                raise TransportError(answer.code, text, details)

    def _evaluators(self, asked: Named, organizations: tuple[str, ...]) -> list[Peer]:
        """Whom to ask, one after the other; what is transient stays in the Gateway's own organisation."""
        own = (self.peer.msp_id,) if asked.transient and not organizations else ()
        wanted = organizations or own
        found = [
            peer
            for peer in self._registry.endorsers(asked.channel, asked.chaincode)
            if not wanted or peer.msp_id in wanted
        ]
        if found:
            return found
        none = f"no peers available to evaluate chaincode {asked.chaincode} in channel {asked.channel}"
        if own:
            none = (
                "no endorsers found in the gateway's organization; retry specifying target organization(s) to "
                f"protect transient data: {none}"
            )
        raise TransportError("FAILED_PRECONDITION", none)

    async def _endorse(self, data: bytes) -> bytes:
        request = _decoded(EndorseRequest, data)
        proposal = request.proposed_transaction or SignedProposal()
        try:
            asked = named(proposal, complete=False)
        except InvalidProposal as error:
            raise TransportError("INVALID_ARGUMENT", str(error)) from error
        envelope = await self._endorsing.endorsed(asked, proposal, request.endorsing_organizations)
        return encode(EndorseResponse(prepared_transaction=envelope))

    async def _submit(self, data: bytes) -> bytes:
        request = _decoded(SubmitRequest, data)
        envelope = request.prepared_transaction
        if envelope is None:
            raise TransportError("INVALID_ARGUMENT", "a prepared transaction is required")
        if not envelope.signature:
            raise TransportError("INVALID_ARGUMENT", "prepared transaction must be signed")
        if request.channel_id != self._channel.name:
            raise TransportError("FAILED_PRECONDITION", self._no_config(request.channel_id))
        sending = asyncio.ensure_future(self._orderer.run(self._orderer.broadcast(envelope)))
        self._submitting.add(sending)
        sending.add_done_callback(self._sent)
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            # An orderer that goes on finds what it was sent and that the sender has hung up, in either order.
            if self._orderer.frozen and self._rng.random() < HUNG_UP:
                sending.cancel()
            raise
        except Rejected as rejected:
            raise TransportError("ABORTED", str(rejected)) from rejected
        except Unreachable:
            address = self._orderer.address
            text = refused_connection(address)
            detail = Detail(address=address, msp_id=self._channel.orderer_msp_id, message=text)
            text = "no orderers could successfully process transaction"
            raise TransportError("UNAVAILABLE", text, [detail]) from None
        return encode(SubmitResponse())

    def _sent(self, sending: "asyncio.Task[None]") -> None:
        self._submitting.discard(sending)
        if not sending.cancelled():
            sending.exception()

    async def _commit_status(self, data: bytes) -> bytes:
        signed = _decoded(SignedRequest, data)
        if not signed.request:
            raise TransportError("INVALID_ARGUMENT", "a commit status request is required")
        request = _decoded(CommitStatusRequest, signed.request, "invalid status request")
        if self._channel.newer:
            _require(request)
        self._require_reader(request.channel_id, request.identity, signed)
        found = await self.peer.replica.ledger.committed(request.transaction_id)
        return encode(CommitStatusResponse(result=found.code, block_number=found.block_number))

    def _events_asked(self, data: bytes) -> tuple[EventsRequest, int]:
        """The question, and the block to begin with."""
        signed = _decoded(SignedRequest, data)
        if not signed.request:
            raise TransportError("INVALID_ARGUMENT", "a chaincode events request is required")
        asked = _decoded(EventsRequest, signed.request, "invalid chaincode events request")
        self._require_reader(asked.channel_id, asked.identity, signed)
        ledger = self.peer.replica.ledger
        known = ledger.outcome(asked.after_transaction_id) if asked.after_transaction_id else None
        if known is not None:
            return asked, known.block_number
        position = asked.start_position or AnySeekPosition()
        for name, refused in (("Newest", position.newest), ("Oldest", position.oldest)):
            if refused is not None:
                text = f"invalid start position type: *orderer.SeekPosition_{name}"
                raise TransportError("INVALID_ARGUMENT", text)
        return asked, ledger.height if position.specified is None else position.specified.number

    def _require_reader(self, channel: str, identity: bytes, signed: SignedRequest) -> None:
        if not channel:
            text = "Invalid channel ID name during check policy on signed data. Name must be different from nil."
            raise TransportError("PERMISSION_DENIED", text)
        if channel != self._channel.name:
            raise TransportError("PERMISSION_DENIED", f"Failed to get policy manager for channel [{channel}]")
        if not self._channel.may_read(identity, signed.request, signed.signature):
            raise TransportError("PERMISSION_DENIED", self._channel.denied("Readers"))

    def _no_config(self, channel: str) -> str:
        return f"failed to get config for channel [{channel}]: could not get last config for channel {channel}"


def _socket_closed() -> TransportError:
    return TransportError("UNAVAILABLE", "Socket closed")


def _require(request: CommitStatusRequest) -> None:
    """Asked since Fabric 3.1."""
    if not request.identity:
        raise TransportError("INVALID_ARGUMENT", "no identity provided")
    if not request.channel_id:
        raise TransportError("INVALID_ARGUMENT", "no channel ID provided")
    if not request.transaction_id:
        raise TransportError("INVALID_ARGUMENT", "transaction ID should not be empty")


def _events(block: Block) -> Iterator[ChaincodeEvent]:
    """Those of valid transactions, in order; an event without a name is none."""
    for envelope, code in zip(block.envelopes, block.codes, strict=True):
        one = parsed(envelope)
        event = None if code != VALID or isinstance(one, int) else one.event
        if event is not None and event.event_name:
            yield event


def _decoded(form: type[M], data: bytes, what: str = "grpc: error unmarshalling request") -> M:
    try:
        return decode(form, data)
    except NotProtobuf as error:
        code = "INTERNAL" if what.startswith("grpc") else "INVALID_ARGUMENT"
        raise TransportError(code, f"{what}: {error.reason}") from error


_UNARY: dict[str, Callable[[GatewayService, bytes], Coroutine[None, None, bytes]]] = {
    "Evaluate": GatewayService._evaluate,
    "Endorse": GatewayService._endorse,
    "Submit": GatewayService._submit,
    "CommitStatus": GatewayService._commit_status,
}
