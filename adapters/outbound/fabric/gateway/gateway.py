"""The client itself: a connection that acts for one identity, and the contracts that are called through it."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from adapters.outbound.fabric.gateway.errors import (
    VALID,
    CommitError,
    CommitStatusError,
    EndorseError,
    EvaluateError,
    GatewayError,
    SubmitError,
    TransportError,
)
from adapters.outbound.fabric.gateway.events import Checkpoint, Event, events_of, followed
from adapters.outbound.fabric.gateway.identity import Identity, Sign
from adapters.outbound.fabric.gateway.messages import (
    CommitStatusResponse,
    EndorseRequest,
    EndorseResponse,
    Envelope,
    EvaluateRequest,
    EvaluateResponse,
    Response,
    SeekPosition,
    SeekSpecified,
    SignedProposal,
    SignedRequest,
    SubmitRequest,
    SubmitResponse,
)
from adapters.outbound.fabric.gateway.signables import (
    Argument,
    Endorsed,
    NowNanoseconds,
    Proposal,
    Signable,
    StatusQuestion,
    events_question,
    new_proposal,
    status_question,
)
from adapters.outbound.fabric.gateway.transport import GrpcTransport, Peer, Transport
from shared.protowire import NotProtobuf, decode, encode

S = TypeVar("S", bound=Signable)
M = TypeVar("M")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Deadlines in seconds, and how many calls may be on their way at once.

    A peer with the sample configuration refuses more than 500 at once, streams of events included. Questions about
    commits wait at the peer: so each is asked for `status_turn_seconds` and then goes to the end of the queue, and
    thousands of them take no more than `statuses` places.
    """

    evaluate_seconds: float = 5.0
    endorse_seconds: float = 15.0
    submit_seconds: float = 5.0
    commit_seconds: float = 60.0
    status_turn_seconds: float = 5.0
    calls: int = 128
    statuses: int = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A transaction in a block: valid where `code` (a TxValidationCode) is 0."""

    transaction_id: str
    code: int
    block_number: int

    @property
    def valid(self) -> bool:
        return self.code == VALID


class Gateway:
    """Acts for `identity` over a transport. Without `sign`, everything that is sent must have been signed before."""

    def __init__(
        self,
        transport: Transport,
        identity: Identity,
        sign: Sign | None = None,
        *,
        limits: Limits | None = None,
        now: NowNanoseconds = time.time_ns,
    ) -> None:
        self.identity = identity
        self.transport = transport
        self.limits = limits or Limits()
        self.now = now
        self._sign = sign
        self._calls = asyncio.Semaphore(self.limits.calls)
        self._statuses = asyncio.Semaphore(self.limits.statuses)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, peers: Sequence[Peer], identity: Identity, sign: Sign | None = None, *, limits: Limits | None = None
    ) -> AsyncIterator["Gateway"]:
        """Over gRPC to the first of `peers` that answers, and to the others for as long as it no longer does."""
        transport = GrpcTransport(peers)
        try:
            yield cls(transport, identity, sign, limits=limits)
        finally:
            await transport.close()

    def contract(self, channel: str, chaincode: str) -> "Contract":
        """The contract of that name on that channel; nothing is asked yet."""
        return Contract(self, channel, chaincode)

    def signed(self, signable: S) -> S:
        """The same with a signature: the one it has, or the gateway's own; raises ValueError where there is neither."""
        if signable.signature:
            return signable
        if self._sign is None:
            raise ValueError("it is not signed, and this gateway has nothing to sign with")
        return signable.signed_by(self._sign(signable.digest))

    async def evaluate(self, proposal: Proposal) -> Response:
        """Asks one peer; raises EvaluateError."""
        request = EvaluateRequest(
            transaction_id=proposal.transaction_id,
            channel_id=proposal.channel,
            proposed_transaction=self._proposed(proposal),
            target_organizations=proposal.organizations,
        )
        answer = await self._call(_EVALUATE, request, proposal.transaction_id, self.limits.evaluate_seconds)
        return answer.result or Response()

    async def endorse(self, proposal: Proposal) -> Endorsed:
        """The transaction that the endorsers made of a proposal; raises EndorseError."""
        request = EndorseRequest(
            transaction_id=proposal.transaction_id,
            channel_id=proposal.channel,
            proposed_transaction=self._proposed(proposal),
            endorsing_organizations=proposal.organizations,
        )
        answer = await self._call(_ENDORSE, request, proposal.transaction_id, self.limits.endorse_seconds)
        prepared = answer.prepared_transaction or Envelope()
        endorsed = Endorsed(channel=proposal.channel, transaction_id=proposal.transaction_id, data=prepared.payload)
        if not endorsed.answers(proposal):
            cause = TransportError("INTERNAL", "the peer's answer is no transaction of this proposal")
            raise EndorseError(cause, proposal.transaction_id)
        return endorsed

    async def submit(self, transaction: Endorsed) -> None:
        """Hands a transaction to the orderer, which is no promise that it will be committed; raises SubmitError.

        The same signed bytes may be sent any number of times: at most one copy becomes valid.
        """
        signed = self.signed(transaction)
        request = SubmitRequest(
            transaction_id=signed.transaction_id,
            channel_id=signed.channel,
            prepared_transaction=Envelope(payload=signed.data, signature=signed.signature),
        )
        await self._call(_SUBMIT, request, signed.transaction_id, self.limits.submit_seconds)

    async def commit_status(self, question: StatusQuestion, *, within_seconds: float | None = None) -> Committed:
        """Waits until the transaction is in a block; raises CommitStatusError, at the latest when the time is over.

        Of an id that nobody submitted it is never told anything but that.
        """
        signed = self.signed(question)
        request = SignedRequest(request=signed.data, signature=signed.signature)
        clock = asyncio.get_running_loop().time
        deadline = clock() + (self.limits.commit_seconds if within_seconds is None else within_seconds)
        while True:
            try:
                async with self._place(deadline):
                    turn = max(min(deadline - clock(), self.limits.status_turn_seconds), 0)
                    answer = await self.transport.call(_STATUS.method, encode(request), timeout_seconds=turn)
            except TransportError as error:
                if error.code != "DEADLINE_EXCEEDED" or clock() >= deadline:
                    raise CommitStatusError(error, signed.transaction_id) from None
            else:
                found = _STATUS.decoded(answer, signed.transaction_id)
                return Committed(
                    transaction_id=signed.transaction_id, code=found.result, block_number=found.block_number
                )

    async def committed(self, transaction: Endorsed) -> Committed:
        """The same for a transaction at hand, asked by the gateway's own identity."""
        return await self.commit_status(
            status_question(self.identity.serialized, transaction.channel, transaction.transaction_id)
        )

    @asynccontextmanager
    async def _place(self, deadline: float) -> AsyncIterator[None]:
        """A place for a question about a commit; raises TransportError where none is free before its time is over."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._statuses.acquire()
        except TimeoutError:
            raise TransportError("DEADLINE_EXCEEDED", "others were asked about until the time was over") from None
        try:
            yield
        finally:
            self._statuses.release()

    def _proposed(self, proposal: Proposal) -> SignedProposal:
        signed = self.signed(proposal)
        return SignedProposal(proposal_bytes=signed.data, signature=signed.signature)

    async def _call(self, stage: "_Stage[M]", request: object, tx_id: str, seconds: float) -> M:
        try:
            async with self._calls:
                answer = await self.transport.call(stage.method, encode(request), timeout_seconds=seconds)
        except TransportError as cause:
            raise stage.error(cause, tx_id) from None
        return stage.decoded(answer, tx_id)


class Contract:
    """One chaincode on one channel. Arguments are text or bytes; answers are bytes."""

    def __init__(self, gateway: Gateway, channel: str, chaincode: str) -> None:
        self.gateway = gateway
        self.channel = channel
        self.chaincode = chaincode

    def propose(
        self,
        function: str,
        *arguments: Argument,
        transient: Mapping[str, bytes] | None = None,
        organizations: Sequence[str] = (),
        nonce: bytes | None = None,
    ) -> Proposal:
        """A call as a proposal, to be signed, endorsed or evaluated; sends nothing.

        `transient` is for the endorsers' eyes alone. `organizations` name who shall endorse or answer it. `nonce`
        (24 bytes) decides the transaction id, for whoever must be able to make the same one again.
        """
        return new_proposal(
            self.gateway.identity.serialized,
            self.channel,
            self.chaincode,
            (function, *arguments),
            transient=transient,
            organizations=organizations,
            nonce=nonce,
            now=self.gateway.now,
        )

    async def evaluate(self, function: str, *arguments: Argument) -> bytes:
        """The answer of one peer, nothing is written; raises EvaluateError."""
        return (await self.gateway.evaluate(self.propose(function, *arguments))).payload

    async def submit(self, function: str, *arguments: Argument) -> bytes:
        """Endorses, submits, and waits for the commit; the function's answer.

        Raises EndorseError (nothing happened), SubmitError and CommitStatusError (see their fault: it may have
        happened), CommitError (it is in a block, and void).
        """
        transaction = self.gateway.signed(await self.gateway.endorse(self.propose(function, *arguments)))
        await self.gateway.submit(transaction)
        committed = await self.gateway.committed(transaction)
        if not committed.valid:
            raise CommitError(committed.transaction_id, committed.code, committed.block_number)
        return transaction.response.payload

    def events(self, start: Checkpoint | None = None) -> AsyncIterator[Event]:
        """The contract's events from `start` on (None: from the next block), until the stream ends with EventsError."""
        return events_of(self._begun, start)

    def follow(self, start: Checkpoint) -> AsyncIterator[Event]:
        """The same, resumed by itself after every interruption: nothing is left out and nothing comes twice."""
        return followed(self._begun, start)

    def _begun(self, start: Checkpoint | None) -> AsyncIterator[bytes]:
        position = None if start is None else SeekPosition(specified=SeekSpecified(number=start.block_number))
        gateway = self.gateway
        question = events_question(gateway.identity.serialized, self.channel, self.chaincode, position)
        signed = gateway.signed(question)
        request = SignedRequest(request=signed.data, signature=signed.signature)
        return gateway.transport.stream("ChaincodeEvents", encode(request))


@dataclass(frozen=True, slots=True)
class _Stage(Generic[M]):
    """One method of the service: the form of its answer, and the error of its stage."""

    method: str
    form: type[M]
    error: type[GatewayError]

    def decoded(self, data: bytes, tx_id: str) -> M:
        try:
            return decode(self.form, data)
        except NotProtobuf as malformed:
            cause = TransportError("INTERNAL", f"the peer's answer is malformed: {malformed.reason}")
            raise self.error(cause, tx_id) from None


_EVALUATE = _Stage("Evaluate", EvaluateResponse, EvaluateError)
_ENDORSE = _Stage("Endorse", EndorseResponse, EndorseError)
_SUBMIT = _Stage("Submit", SubmitResponse, SubmitError)
_STATUS = _Stage("CommitStatus", CommitStatusResponse, CommitStatusError)
