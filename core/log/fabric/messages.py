"""The messages of Fabric that an attested read is made of; numbers as in fabric-protos (peer, common, msp, rwset)."""

from dataclasses import dataclass
from typing import Annotated

ENDORSER_TRANSACTION = 3
"""ChannelHeader.type of everything that chaincode does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SerializedIdentity:
    """Who signed: the organisation's MSP id, and the certificate as PEM."""

    mspid: Annotated[str, 1] = ""
    id_bytes: Annotated[bytes, 2] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHeader:
    """On which channel; what else it says is covered by its hash alone."""

    type: Annotated[int, 1] = 0
    channel_id: Annotated[str, 4] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeID:
    """The chaincode's name on its channel."""

    name: Annotated[str, 2] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeInput:
    """The function's name and its arguments."""

    args: Annotated[tuple[bytes, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeSpec:
    """What was called, with what."""

    chaincode_id: Annotated[ChaincodeID | None, 2] = None
    input: Annotated[ChaincodeInput | None, 3] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeInvocationSpec:
    """A ChaincodeSpec, once more wrapped."""

    chaincode_spec: Annotated[ChaincodeSpec | None, 1] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeProposalPayload:
    """The call as the proposal's hash covers it: without transient data."""

    input: Annotated[bytes, 1] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the chaincode's function said."""

    status: Annotated[int, 1] = 0
    payload: Annotated[bytes, 3] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaincodeAction:
    """What executing it came to."""

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
class Version:
    """Where a value was written: block, and place in it."""

    block_num: Annotated[int, 1] = 0
    tx_num: Annotated[int, 2] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KVRead:
    """A key that was read, with its version; none where there was no such key."""

    key: Annotated[str, 1] = ""
    version: Annotated[Version | None, 2] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KVRWSet:
    """What was read and written in one namespace; of all but plain reads only how many there are matters here."""

    reads: Annotated[tuple[KVRead, ...], 1] = ()
    range_queries: Annotated[tuple[bytes, ...], 2] = ()
    writes: Annotated[tuple[bytes, ...], 3] = ()
    metadata_writes: Annotated[tuple[bytes, ...], 4] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NsReadWriteSet:
    """A namespace, which is a chaincode's name, and its KVRWSet, encoded."""

    namespace: Annotated[str, 1] = ""
    rwset: Annotated[bytes, 2] = b""
    collections: Annotated[tuple[bytes, ...], 3] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TxReadWriteSet:
    """Everything that was read and written."""

    data_model: Annotated[int, 1] = 0
    namespaces: Annotated[tuple[NsReadWriteSet, ...], 2] = ()
