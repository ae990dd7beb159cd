"""What a client signs: proposals, transactions, and questions about them; here, or wherever the private key is."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Self

from adapters.outbound.fabric.gateway.messages import (
    ENDORSER_TRANSACTION,
    ChaincodeAction,
    ChaincodeActionPayload,
    ChaincodeEventsRequest,
    ChaincodeHeaderExtension,
    ChaincodeID,
    ChaincodeInput,
    ChaincodeInvocationSpec,
    ChaincodeProposalPayload,
    ChaincodeSpec,
    ChannelHeader,
    CommitStatusRequest,
    Envelope,
    Header,
    Payload,
    ProposalResponsePayload,
    Response,
    SeekPosition,
    SignatureHeader,
    Timestamp,
    Transaction,
)
from adapters.outbound.fabric.gateway.messages import Proposal as ProposalMessage
from shared.protowire import NotProtobuf, decode, encode

NONCE_SIZE = 24
GOLANG = 1
"""ChaincodeSpec.type, which every client sets to this and no peer reads."""

NowNanoseconds = Callable[[], int]
Argument = str | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signable:
    """Bytes about a transaction of a channel. Without a signature, whoever sends it signs it first."""

    channel: str
    transaction_id: str
    data: bytes
    signature: bytes = b""

    @property
    def digest(self) -> bytes:
        """What is to be signed: SHA-256 of the bytes (32 bytes)."""
        return sha256(self.data).digest()

    def signed_by(self, signature: bytes) -> Self:
        """The same with a signature (DER, low S) that was made elsewhere."""
        return replace(self, signature=signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal(Signable):
    """A call of a chaincode's function. `organizations` are asked to endorse it; none: whoever the policy needs."""

    organizations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endorsed(Signable):
    """A transaction as the endorsers made it. Its bytes are signed as they came, never encoded anew."""

    @property
    def response(self) -> Response:
        """What the chaincode's function answered."""
        return action_of(self.data).response or Response()

    @property
    def envelope(self) -> bytes:
        """The signed transaction as it can be stored and sent again; raises ValueError before it is signed."""
        if not self.signature:
            raise ValueError("the transaction is not signed")
        return encode(Envelope(payload=self.data, signature=self.signature))

    def answers(self, proposal: Proposal) -> bool:
        """Whether it is a transaction of this proposal: a peer may have given another one to be signed."""
        try:
            action_of(self.data)
            asked = decode(Header, decode(ProposalMessage, proposal.data).header)
            return decode(Payload, self.data).header == asked
        except NotProtobuf:
            return False

    @classmethod
    def from_envelope(cls, envelope: bytes) -> "Endorsed":
        """What `envelope` stored; raises NotProtobuf."""
        outer = decode(Envelope, envelope)
        header = decode(Payload, outer.payload).header or Header()
        channel = decode(ChannelHeader, header.channel_header)
        return cls(
            channel=channel.channel_id, transaction_id=channel.tx_id, data=outer.payload, signature=outer.signature
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusQuestion(Signable):
    """What became of a transaction?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsQuestion(Signable):
    """Which events does a chaincode have from some position on? It is about no one transaction."""


def transaction_id(nonce: bytes, creator: bytes) -> str:
    """SHA-256(nonce ‖ creator) in hex: what makes an id nobody else's."""
    return sha256(nonce + creator).hexdigest()


def new_proposal(
    creator: bytes,
    channel: str,
    chaincode: str,
    arguments: Sequence[Argument],
    *,
    transient: Mapping[str, bytes] | None = None,
    organizations: Sequence[str] = (),
    nonce: bytes | None = None,
    now: NowNanoseconds = time.time_ns,
) -> Proposal:
    """A proposal by `creator` (a serialized identity). The same nonce makes the same transaction id."""
    nonce = secrets.token_bytes(NONCE_SIZE) if nonce is None else nonce
    called = ChaincodeID(name=chaincode)
    tx_id = transaction_id(nonce, creator)
    seconds, nanos = divmod(now(), 1_000_000_000)
    channel_header = ChannelHeader(
        type=ENDORSER_TRANSACTION,
        timestamp=Timestamp(seconds=seconds, nanos=nanos),
        channel_id=channel,
        tx_id=tx_id,
        extension=encode(ChaincodeHeaderExtension(chaincode_id=called)),
    )
    signature_header = SignatureHeader(creator=creator, nonce=nonce)
    header = Header(channel_header=encode(channel_header), signature_header=encode(signature_header))
    called_with = ChaincodeInput(args=tuple(each.encode() if isinstance(each, str) else each for each in arguments))
    spec = ChaincodeSpec(type=GOLANG, chaincode_id=called, input=called_with)
    payload = ChaincodeProposalPayload(
        input=encode(ChaincodeInvocationSpec(chaincode_spec=spec)), transient_map=dict(transient or {})
    )
    data = encode(ProposalMessage(header=encode(header), payload=encode(payload)))
    return Proposal(channel=channel, transaction_id=tx_id, data=data, organizations=tuple(organizations))


def status_question(creator: bytes, channel: str, tx_id: str) -> StatusQuestion:
    """Asked by `creator`, who need not be the transaction's."""
    data = encode(CommitStatusRequest(transaction_id=tx_id, channel_id=channel, identity=creator))
    return StatusQuestion(channel=channel, transaction_id=tx_id, data=data)


def events_question(creator: bytes, channel: str, chaincode: str, start: SeekPosition | None) -> EventsQuestion:
    """From the next block on where `start` is None."""
    request = ChaincodeEventsRequest(channel_id=channel, chaincode_id=chaincode, identity=creator, start_position=start)
    return EventsQuestion(channel=channel, transaction_id="", data=encode(request))


def action_of(payload: bytes) -> ChaincodeAction:
    """What the endorsers of a transaction (an envelope's payload) agreed on; raises NotProtobuf."""
    actions = decode(Transaction, decode(Payload, payload).data).actions
    if len(actions) != 1:
        raise NotProtobuf("not one action")
    endorsed = decode(ChaincodeActionPayload, actions[0].payload).action
    if endorsed is None:
        raise NotProtobuf("no endorsed action")
    return decode(ChaincodeAction, decode(ProposalResponsePayload, endorsed.proposal_response_payload).extension)
