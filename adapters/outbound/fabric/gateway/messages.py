"""The messages of Fabric's Gateway, as far as a client writes or reads them; numbers as in fabric-protos.

Source: hyperledger/fabric-protos, gateway/gateway.proto, common/common.proto, peer/*.proto, msp/identities.proto and
orderer/ab.proto. What a message declares beside these fields is skipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

ENDORSER_TRANSACTION = 3
"""ChannelHeader.type of everything that chaincode does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamp:
    """google.protobuf.Timestamp."""

    seconds: Annotated[int, 1] = 0
    nanos: Annotated[int, 2] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SerializedIdentity:
    """Who acts: the organisation's MSP id, and the certificate as PEM."""

    mspid: Annotated[str, 1] = ""
    id_bytes: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeID:
    """The chaincode's name on its channel."""

    path: Annotated[str, 1] = ""
    name: Annotated[str, 2] = ""
    version: Annotated[str, 3] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeInput:
    """The function's name and its arguments, as bytes."""

    args: Annotated[tuple[bytes, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeSpec:
    """What is called, with what."""

    type: Annotated[int, 1] = 0
    chaincode_id: Annotated[ChaincodeID | None, 2] = None
    input: Annotated[ChaincodeInput | None, 3] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeInvocationSpec:
    """A ChaincodeSpec, once more wrapped."""

    chaincode_spec: Annotated[ChaincodeSpec | None, 1] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeProposalPayload:
    """The call, and what the endorsers alone shall see of it."""

    input: Annotated[bytes, 1] = b""
    transient_map: Annotated[Mapping[str, bytes], 2] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeHeaderExtension:
    """Which chaincode a channel header is about."""

    chaincode_id: Annotated[ChaincodeID | None, 2] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHeader:
    """Which transaction on which channel, and when, by the client's own clock."""

    type: Annotated[int, 1] = 0
    timestamp: Annotated[Timestamp | None, 3] = None
    channel_id: Annotated[str, 4] = ""
    tx_id: Annotated[str, 5] = ""
    epoch: Annotated[int, 6] = 0
    extension: Annotated[bytes, 7] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureHeader:
    """Who made it, with a nonce: the transaction's id is a hash over both."""

    creator: Annotated[bytes, 1] = b""
    nonce: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Both headers, each already encoded."""

    channel_header: Annotated[bytes, 1] = b""
    signature_header: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Header and ChaincodeProposalPayload, encoded: these bytes are what the client signs."""

    header: Annotated[bytes, 1] = b""
    payload: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedProposal:
    """A proposal with its creator's signature."""

    proposal_bytes: Annotated[bytes, 1] = b""
    signature: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A Payload, encoded, with its creator's signature."""

    payload: Annotated[bytes, 1] = b""
    signature: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Header and Transaction."""

    header: Annotated[Header | None, 1] = None
    data: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endorsement:
    """One peer's signature over the proposal response's payload and its own identity."""

    endorser: Annotated[bytes, 1] = b""
    signature: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeEndorsedAction:
    """A ProposalResponsePayload, encoded, with those who endorsed it."""

    proposal_response_payload: Annotated[bytes, 1] = b""
    endorsements: Annotated[tuple[Endorsement, ...], 2] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeActionPayload:
    """What was proposed and what came of it."""

    chaincode_proposal_payload: Annotated[bytes, 1] = b""
    action: Annotated[ChaincodeEndorsedAction | None, 2] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionAction:
    """A SignatureHeader and a ChaincodeActionPayload, both encoded."""

    header: Annotated[bytes, 1] = b""
    payload: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """The actions of a transaction: chaincode's have one."""

    actions: Annotated[tuple[TransactionAction, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the chaincode's function said."""

    status: Annotated[int, 1] = 0
    message: Annotated[str, 2] = ""
    payload: Annotated[bytes, 3] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeEvent:
    """What a valid transaction announces; at most one each."""

    chaincode_id: Annotated[str, 1] = ""
    tx_id: Annotated[str, 2] = ""
    event_name: Annotated[str, 3] = ""
    payload: Annotated[bytes, 4] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeAction:
    """What executing it came to: a TxReadWriteSet and a ChaincodeEvent, encoded, and the answer."""

    results: Annotated[bytes, 1] = b""
    events: Annotated[bytes, 2] = b""
    response: Annotated[Response | None, 3] = None
    chaincode_id: Annotated[ChaincodeID | None, 4] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalResponsePayload:
    """What endorsers sign: the hash of the proposal, and a ChaincodeAction, encoded."""

    proposal_hash: Annotated[bytes, 1] = b""
    extension: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateRequest:
    """Ask one peer, or one of these organisations'."""

    transaction_id: Annotated[str, 1] = ""
    channel_id: Annotated[str, 2] = ""
    proposed_transaction: Annotated[SignedProposal | None, 3] = None
    target_organizations: Annotated[tuple[str, ...], 4] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateResponse:
    """The chaincode's answer."""

    result: Annotated[Response | None, 1] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndorseRequest:
    """Collect what the policy needs, or one peer's endorsement of each of these organisations."""

    transaction_id: Annotated[str, 1] = ""
    channel_id: Annotated[str, 2] = ""
    proposed_transaction: Annotated[SignedProposal | None, 3] = None
    endorsing_organizations: Annotated[tuple[str, ...], 4] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndorseResponse:
    """The transaction, which lacks the client's signature."""

    prepared_transaction: Annotated[Envelope | None, 1] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitRequest:
    """A signed transaction for the orderer."""

    transaction_id: Annotated[str, 1] = ""
    channel_id: Annotated[str, 2] = ""
    prepared_transaction: Annotated[Envelope | None, 3] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitResponse:
    """The orderer took it, which is no promise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatusRequest:
    """What became of a transaction; `identity` is a SerializedIdentity, encoded."""

    transaction_id: Annotated[str, 1] = ""
    channel_id: Annotated[str, 2] = ""
    identity: Annotated[bytes, 3] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A CommitStatusRequest or a ChaincodeEventsRequest, encoded and signed."""

    request: Annotated[bytes, 1] = b""
    signature: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatusResponse:
    """A TxValidationCode (0 is valid), and the block."""

    result: Annotated[int, 1] = 0
    block_number: Annotated[int, 2] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeekNextCommit:
    """From the next block that is committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeekSpecified:
    """From this block."""

    number: Annotated[int, 1] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeekPosition:
    """Where events begin; one of the two."""

    specified: Annotated[SeekSpecified | None, 3] = None
    next_commit: Annotated[SeekNextCommit | None, 4] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeEventsRequest:
    """Events of a chaincode from a position, those up to and with `after_transaction_id` left out."""

    channel_id: Annotated[str, 1] = ""
    chaincode_id: Annotated[str, 2] = ""
    identity: Annotated[bytes, 3] = b""
    start_position: Annotated[SeekPosition | None, 4] = None
    after_transaction_id: Annotated[str, 5] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeEventsResponse:
    """The events of one block, in its order."""

    events: Annotated[tuple[ChaincodeEvent, ...], 1] = ()
    block_number: Annotated[int, 2] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDetail:
    """What one peer or orderer said went wrong."""

    address: Annotated[str, 1] = ""
    msp_id: Annotated[str, 2] = ""
    message: Annotated[str, 3] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapped:
    """google.protobuf.Any."""

    type_url: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """google.rpc.Status, as it travels in the trailer `grpc-status-details-bin`."""

    code: Annotated[int, 1] = 0
    message: Annotated[str, 2] = ""
    details: Annotated[tuple[Wrapped, ...], 3] = ()
