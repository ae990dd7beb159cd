"""The messages that peers, orderers and chaincode know and a Gateway client does not; numbers as in fabric-protos.

Source: hyperledger/fabric-protos, ledger/rwset/*.proto, peer/chaincode_shim.proto, common/policies.proto,
msp/msp_principal.proto, orderer/ab.proto.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from adapters.outbound.fabric.gateway.messages import (
    ChaincodeEvent,
    SeekNextCommit,
    SeekSpecified,
    SignedProposal,
    Timestamp,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Which transaction of which block wrote a key."""

    block_num: Annotated[int, 1] = 0
    tx_num: Annotated[int, 2] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KVRead:
    """A key that was read; without a version it was absent."""

    key: Annotated[str, 1] = ""
    version: Annotated[Version | None, 2] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KVWrite:
    """A key's new value, or its deletion."""

    key: Annotated[str, 1] = ""
    is_delete: Annotated[bool, 2] = False
    value: Annotated[bytes, 3] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataEntry:
    """One named piece of a key's metadata."""

    name: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class KVMetadataWrite:
    """A key's new metadata."""

    key: Annotated[str, 1] = ""
    entries: Annotated[tuple[MetadataEntry, ...], 2] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryReads:
    """The results of a range, each with its version."""

    kv_reads: Annotated[tuple[KVRead, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MerkleSummary:
    """The hashes of a long range's results."""

    max_degree: Annotated[int, 1] = 0
    max_level: Annotated[int, 2] = 0
    max_level_hashes: Annotated[tuple[bytes, ...], 3] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeQueryInfo:
    """A range that was read, and what was in it."""

    start_key: Annotated[str, 1] = ""
    end_key: Annotated[str, 2] = ""
    itr_exhausted: Annotated[bool, 3] = False
    raw_reads: Annotated[QueryReads | None, 4] = None
    reads_merkle_hashes: Annotated[MerkleSummary | None, 5] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KVRWSet:
    """What was read and written in one namespace."""

    reads: Annotated[tuple[KVRead, ...], 1] = ()
    range_queries_info: Annotated[tuple[RangeQueryInfo, ...], 2] = ()
    writes: Annotated[tuple[KVWrite, ...], 3] = ()
    metadata_writes: Annotated[tuple[KVMetadataWrite, ...], 4] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NsReadWriteSet:
    """A namespace with its KVRWSet, encoded."""

    namespace: Annotated[str, 1] = ""
    rwset: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class TxReadWriteSet:
    """What a transaction read and wrote."""

    data_model: Annotated[int, 1] = 0
    ns_rwset: Annotated[tuple[NsReadWriteSet, ...], 2] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MSPRole:
    """A role in an organisation."""

    msp_identifier: Annotated[str, 1] = ""
    role: Annotated[int, 2] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MSPPrincipal:
    """An MSPRole, encoded, where the classification is 0."""

    principal_classification: Annotated[int, 1] = 0
    principal: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class NOutOf:
    """So many of these rules."""

    n: Annotated[int, 1] = 0
    rules: Annotated[tuple["SignaturePolicy", ...], 2] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePolicy:
    """A signature by the identity at an index, or n out of other rules."""

    signed_by: Annotated[int | None, 1] = None
    n_out_of: Annotated[NOutOf | None, 2] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePolicyEnvelope:
    """A rule over identities."""

    version: Annotated[int, 1] = 0
    rule: Annotated[SignaturePolicy | None, 2] = None
    identities: Annotated[tuple[MSPPrincipal, ...], 3] = ()


class Kind(IntEnum):
    """ChaincodeMessage.type."""

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
    INVOKE_CHAINCODE = 11
    RESPONSE = 13
    GET_STATE_BY_RANGE = 14
    GET_QUERY_RESULT = 15
    QUERY_STATE_NEXT = 16
    QUERY_STATE_CLOSE = 17
    KEEPALIVE = 18
    GET_HISTORY_FOR_KEY = 19
    GET_STATE_METADATA = 20
    PUT_STATE_METADATA = 21
    GET_PRIVATE_DATA_HASH = 22
    PURGE_PRIVATE_DATA = 23
    WRITE_BATCH_STATE = 24
    GET_STATE_MULTIPLE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeMessage:
    """One message of the stream, either way."""

    type: Annotated[int, 1] = 0
    payload: Annotated[bytes, 3] = b""
    txid: Annotated[str, 4] = ""
    proposal: Annotated[SignedProposal | None, 5] = None
    chaincode_event: Annotated[ChaincodeEvent | None, 6] = None
    channel_id: Annotated[str, 7] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionalParams:
    """What the peer offers with READY."""

    use_write_batch: Annotated[bool, 1] = False
    max_size_write_batch: Annotated[int, 2] = 0
    use_get_multiple_keys: Annotated[bool, 3] = False
    max_size_get_multiple_keys: Annotated[int, 4] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GetState:
    """Also DelState, GetStateMetadata and GetHistoryForKey, which have the same fields."""

    key: Annotated[str, 1] = ""
    collection: Annotated[str, 2] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStateMultiple:
    """Several keys at once."""

    keys: Annotated[tuple[str, ...], 1] = ()
    collection: Annotated[str, 2] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStateMultipleResult:
    """Their values, in the order of the keys."""

    values: Annotated[tuple[bytes, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PutState:
    """A value for a key."""

    key: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""
    collection: Annotated[str, 3] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMetadata:
    """One piece of metadata, as the stream has it."""

    metakey: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMetadataResult:
    """All metadata of a key."""

    entries: Annotated[tuple[StateMetadata, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PutStateMetadata:
    """Metadata for a key."""

    key: Annotated[str, 1] = ""
    collection: Annotated[str, 3] = ""
    metadata: Annotated[StateMetadata | None, 4] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRecord:
    """One write of a batch; its type is that of the message it stands for."""

    key: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""
    collection: Annotated[str, 3] = ""
    metadata: Annotated[StateMetadata | None, 4] = None
    type: Annotated[int, 5] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBatchState:
    """Several writes at once."""

    rec: Annotated[tuple[WriteRecord, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryMetadata:
    """A page: how many, and from where."""

    page_size: Annotated[int, 1] = 0
    bookmark: Annotated[str, 2] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStateByRange:
    """Keys from start (included) to end (excluded); `metadata` is a QueryMetadata, encoded, for one page."""

    start_key: Annotated[str, 1] = ""
    end_key: Annotated[str, 2] = ""
    collection: Annotated[str, 3] = ""
    metadata: Annotated[bytes, 4] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryId:
    """Which query is to go on or to end."""

    id: Annotated[str, 1] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResultBytes:
    """One result, encoded."""

    result_bytes: Annotated[bytes, 1] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResponse:
    """A batch of results."""

    results: Annotated[tuple[QueryResultBytes, ...], 1] = ()
    has_more: Annotated[bool, 2] = False
    id: Annotated[str, 3] = ""
    metadata: Annotated[bytes, 4] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResponseMetadata:
    """How many results a page had, and where the next one begins."""

    fetched_records_count: Annotated[int, 1] = 0
    bookmark: Annotated[str, 2] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KV:
    """A result of a range."""

    namespace: Annotated[str, 1] = ""
    key: Annotated[str, 2] = ""
    value: Annotated[bytes, 3] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyModification:
    """A result of a history."""

    tx_id: Annotated[str, 1] = ""
    value: Annotated[bytes, 2] = b""
    timestamp: Annotated[Timestamp | None, 3] = None
    is_delete: Annotated[bool, 4] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeekEnd:
    """SeekNewest or SeekOldest: neither has a field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnySeekPosition:
    """Where events begin, as the orderer knows it."""

    newest: Annotated[SeekEnd | None, 1] = None
    oldest: Annotated[SeekEnd | None, 2] = None
    specified: Annotated[SeekSpecified | None, 3] = None
    next_commit: Annotated[SeekNextCommit | None, 4] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsRequest:
    """ChaincodeEventsRequest with any position."""

    channel_id: Annotated[str, 1] = ""
    chaincode_id: Annotated[str, 2] = ""
    identity: Annotated[bytes, 3] = b""
    start_position: Annotated[AnySeekPosition | None, 4] = None
    after_transaction_id: Annotated[str, 5] = ""
