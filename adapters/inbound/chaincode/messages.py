"""The messages between a peer and chaincode, as far as chaincode reads or writes them; numbers as in fabric-protos.

Source: hyperledger/fabric-protos, peer/chaincode_shim.proto, peer/proposal.proto, common/policies.proto,
msp/msp_principal.proto and ledger/queryresult. What a message declares beside these fields is skipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated


class Kind(IntEnum):
    """ChaincodeMessage.Type."""

    REGISTER = 1
    REGISTERED = 2
    INIT = 3
    READY = 4
    TRANSACTION = 5
    COMPLETED = 6
    ERROR = 7
    GET_STATE = 8
    PUT_STATE = 9
    DEL_STATE = 10
    RESPONSE = 13
    GET_STATE_BY_RANGE = 14
    QUERY_STATE_NEXT = 16
    QUERY_STATE_CLOSE = 17
    KEEPALIVE = 18
    GET_HISTORY_FOR_KEY = 19
    GET_STATE_METADATA = 20
    PUT_STATE_METADATA = 21
    WRITE_BATCH_STATE = 24
    GET_STATE_MULTIPLE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedProposal:
    """The client's proposal, which the peer has checked."""

    proposal_bytes: Annotated[bytes, 1] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeEvent:
    """What a transaction tells the world; the peer fills in chaincode and transaction."""

    event_name: Annotated[str, 3] = ""
    payload: Annotated[bytes, 4] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeMessage:
    """Everything that goes over the stream, either way."""

    type: Annotated[int, 1] = 0
    payload: Annotated[bytes, 3] = b""
    txid: Annotated[str, 4] = ""
    proposal: Annotated[SignedProposal | None, 5] = None
    chaincode_event: Annotated[ChaincodeEvent | None, 6] = None
    channel_id: Annotated[str, 7] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeID:
    """In REGISTER: `name` is the package id."""

    name: Annotated[str, 2] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeAdditionalParams:
    """In READY: what this peer can do beyond single keys, and up to how many at once."""

    use_write_batch: Annotated[bool, 1] = False
    max_size_write_batch: Annotated[int, 2] = 0
    use_get_multiple_keys: Annotated[bool, 3] = False
    max_size_get_multiple_keys: Annotated[int, 4] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeInput:
    """In INIT and TRANSACTION: the function's name and its arguments."""

    args: Annotated[tuple[bytes, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """In COMPLETED: below 400 the peer endorses, with the event; from 400 on it does not, or without a result."""

    status: Annotated[int, 1] = 0
    message: Annotated[str, 2] = ""
    payload: Annotated[bytes, 3] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Header and payload, each encoded."""

    header: Annotated[bytes, 1] = b""
    payload: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The part of a proposal's header that says who made it."""

    signature_header: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureHeader:
    """`creator` is a SerializedIdentity."""

    creator: Annotated[bytes, 1] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SerializedIdentity:
    """An organisation's MSP id, and a certificate as PEM."""

    mspid: Annotated[str, 1] = ""
    id_bytes: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeProposalPayload:
    """What the endorsers alone see of a call."""

    transient_map: Annotated[Mapping[str, bytes], 2] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """GetState, DelState and GetHistoryForKey, and GetStateMetadata, which all name one key."""

    key: Annotated[str, 1] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutState:
    """A value for a key."""

    key: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMetadata:
    """A named value beside the one of a key; also one entry of StateMetadataResult."""

    metakey: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMetadataResult:
    """All that stands beside a key."""

    entries: Annotated[tuple[StateMetadata, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PutStateMetadata:
    """Metadata for a key; 3 is the collection."""

    key: Annotated[str, 1] = ""
    metadata: Annotated[StateMetadata | None, 4] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRecord:
    """One write of a batch; `type` is the Kind that it would be alone."""

    key: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""
    metadata: Annotated[StateMetadata | None, 4] = None
    type: Annotated[int, 5] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBatchState:
    """Many writes at once."""

    rec: Annotated[tuple[WriteRecord, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStateMultiple:
    """Many keys at once."""

    keys: Annotated[tuple[str, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStateMultipleResult:
    """Their values, in the order of the keys; empty where there is none."""

    values: Annotated[tuple[bytes, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStateByRange:
    """The keys from `start_key` up to, not including, `end_key`."""

    start_key: Annotated[str, 1] = ""
    end_key: Annotated[str, 2] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryState:
    """QueryStateNext and QueryStateClose: which query."""

    id: Annotated[str, 1] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResultBytes:
    """One result, encoded."""

    result_bytes: Annotated[bytes, 1] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResponse:
    """Some results, and whether there are more to be had under this id."""

    results: Annotated[tuple[QueryResultBytes, ...], 1] = ()
    has_more: Annotated[bool, 2] = False
    id: Annotated[str, 3] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValue:
    """A result of a range (queryresult.KV)."""

    namespace: Annotated[str, 1] = ""
    key: Annotated[str, 2] = ""
    value: Annotated[bytes, 3] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyModification:
    """A result of a history."""

    tx_id: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""
    is_delete: Annotated[bool, 4] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NOutOf:
    """So many of these rules."""

    n: Annotated[int, 1] = 0
    rules: "Annotated[tuple[SignaturePolicy, ...], 2]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePolicy:
    """Either one principal's signature, by its place in the list, or so many of several rules."""

    signed_by: Annotated[int | None, 1] = None
    n_out_of: Annotated[NOutOf | None, 2] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MSPRole:
    """Whoever has this role in that organisation."""

    msp_identifier: Annotated[str, 1] = ""
    role: Annotated[int, 2] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MSPPrincipal:
    """Of classification ROLE, which is 0; `principal` is an MSPRole."""

    principal: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePolicyEnvelope:
    """A rule, and the principals that it counts."""

    rule: Annotated[SignaturePolicy | None, 2] = None
    identities: Annotated[tuple[MSPPrincipal, ...], 3] = ()
