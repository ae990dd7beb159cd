"""What can go wrong, by stage: each error carries the transaction id, every peer's own words, and a Fault.

gRPC codes alone are ambiguous at the Gateway (the same code stands for a contract's refusal and for a dead peer), so
the fault is read from details and texts. The texts are those of Fabric 2.5.16 and 3.1.5, and those of gRPC 1.85.1 with
what older versions of it say.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

VALID = 0
DUPLICATE_TXID = 9

CLOSED = "the gateway was closed"
"""The text of a call that was under way then, or was made later."""

MALFORMED_EVENTS = "the peer's events are malformed"
"""The text of a stream that cannot be read: another one from the same place brings the same."""

VALIDATION_CODES = {
    0: "VALID",
    1: "NIL_ENVELOPE",
    2: "BAD_PAYLOAD",
    3: "BAD_COMMON_HEADER",
    4: "BAD_CREATOR_SIGNATURE",
    5: "INVALID_ENDORSER_TRANSACTION",
    6: "INVALID_CONFIG_TRANSACTION",
    7: "UNSUPPORTED_TX_PAYLOAD",
    8: "BAD_PROPOSAL_TXID",
    9: "DUPLICATE_TXID",
    10: "ENDORSEMENT_POLICY_FAILURE",
    11: "MVCC_READ_CONFLICT",
    12: "PHANTOM_READ_CONFLICT",
    13: "UNKNOWN_TX_TYPE",
    14: "TARGET_CHAIN_NOT_FOUND",
    15: "MARSHAL_TX_ERROR",
    16: "NIL_TXACTION",
    17: "EXPIRED_CHAINCODE",
    18: "CHAINCODE_VERSION_CONFLICT",
    19: "BAD_HEADER_EXTENSION",
    20: "BAD_CHANNEL_HEADER",
    21: "BAD_RESPONSE_PAYLOAD",
    22: "BAD_RWSET",
    23: "ILLEGAL_WRITESET",
    24: "INVALID_WRITESET",
    25: "INVALID_CHAINCODE",
    254: "NOT_VALIDATED",
    255: "INVALID_OTHER_REASON",
}
"""TxValidationCode of fabric-protos, peer/transaction.proto."""


class Fault(StrEnum):
    """What kind of trouble it is, and so what to do."""

    CONTRACT = "contract"
    """The chaincode itself refused, with the words in `GatewayError.contract`: the same call will be refused again."""

    ACCESS_DENIED = "access-denied"
    """The channel does not let this identity do this: a wrong organisation, role or chain, a revocation, an expiry."""

    NOT_READY = "not-ready"
    """No peers that could satisfy the policy now: they are starting, or their organisations are down. Try later."""

    UNAVAILABLE = "unavailable"
    """Nobody answered, and nothing was submitted. Try later."""

    OUTCOME_UNKNOWN = "outcome-unknown"
    """It may have been submitted or not: ask for its status, or send the same signed bytes again; never a new one."""

    OVERLOADED = "overloaded"
    """The peer's limit of concurrent calls. Try later, with fewer at once."""

    TOO_LARGE = "too-large"
    """Over the peer's or the orderer's limit of bytes: it will never fit."""

    CLOCK_SKEW = "clock-skew"
    """Clocks differ by more than the peer allows (15 minutes, unless set otherwise). Set the clock."""

    CONFIGURATION = "configuration"
    """Wrong address, another authority's certificates, an unknown channel, malformed events: a person has to look."""

    DUPLICATE = "duplicate"
    """A transaction with this id was committed before, valid or not: ask for its status."""

    UNDERWAY = "underway"
    """The same proposal is being endorsed at this very moment, for another caller. Try again at once."""

    MISMATCH = "mismatch"
    """Peers gave different answers: one of them lags behind, or the chaincode is not deterministic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What one peer or orderer said; the address may be empty."""

    address: str
    msp_id: str
    message: str


class TransportError(Exception):
    """What a call came to, as gRPC has it: the code's name (`UNAVAILABLE`), its text, and the peers' own words."""

    def __init__(self, code: str, message: str, details: Sequence[Detail] = ()) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = tuple(details)


class GatewayError(Exception):
    """What all stages' errors share. `contract` has the chaincode's own status and words where it was the chaincode."""

    stage = "call"

    def __init__(self, cause: TransportError, transaction_id: str = "") -> None:
        self.transaction_id = transaction_id
        self.code, self.message, self.details = cause.code, cause.message, cause.details
        self.contract = contract_words(cause)
        self.fault = fault_of(cause, may_have_been_submitted=self.stage in ("submit", "commit status"))
        said = "; ".join(f"{one.msp_id or '?'} at {one.address or '?'}: {one.message}" for one in self.details)
        super().__init__(
            f"{self.stage} failed ({self.fault}, {self.code}): {self.message}"
            + (f" [{said}]" if said else "")
            + (f" transaction {transaction_id}" if transaction_id else "")
        )


class EvaluateError(GatewayError):
    """A query was not answered. Nothing was changed."""

    stage = "evaluate"


class EndorseError(GatewayError):
    """No endorsed transaction came of a proposal. Nothing was changed."""

    stage = "endorse"


class SubmitError(GatewayError):
    """The orderer was not heard to take the transaction; with OUTCOME_UNKNOWN it may have it nevertheless."""

    stage = "submit"


class CommitStatusError(GatewayError):
    """What became of a submitted transaction could not be found out."""

    stage = "commit status"


class EventsError(GatewayError):
    """The stream of events ended, or did not begin; it can be resumed where the last event was checkpointed."""

    stage = "events"


class CommitError(Exception):
    """The transaction is in a block and void: `code` is its TxValidationCode, with its name in `reason`."""

    def __init__(self, transaction_id: str, code: int, block_number: int) -> None:
        self.transaction_id = transaction_id
        self.code = code
        self.reason = VALIDATION_CODES.get(code, str(code))
        self.block_number = block_number
        super().__init__(f"transaction {transaction_id} is void: {self.reason} ({code}) in block {block_number}")


UNRESOLVED = ("errors resolving", "DNS resolution failed")
"""How gRPC says that it knows no address for a host's name: the version that is pinned, and older ones."""

_CONTRACT = re.compile(r"(?:^|: )chaincode response (\d+), (.*)", re.DOTALL)
_BY_TEXT: tuple[tuple[Fault, tuple[str, ...]], ...] = (
    (Fault.CLOCK_SKEW, ("incorrect timestamp",)),
    (Fault.OVERLOADED, ("exceeding concurrency limit",)),
    (Fault.TOO_LARGE, ("larger than max", "exceeds maximum allowed")),
    (Fault.DUPLICATE, ("duplicate transaction found",)),
    (Fault.UNDERWAY, ("error sending: txid: ",)),
    (Fault.MISMATCH, ("ProposalResponsePayloads do not match",)),
    (
        Fault.CONFIGURATION,
        (
            "failed to get config for channel",
            "No metadata was found for chaincode",
            "Failed to get policy manager for channel",
            "CERTIFICATE_VERIFY_FAILED",
            "Tls handshake failed",
            "Ssl handshake failed",
            "SSL_ERROR_SSL",
            "WRONG_VERSION_NUMBER",
            "Hostname Verification",
            *UNRESOLVED,
            MALFORMED_EVENTS,
        ),
    ),
    (
        Fault.ACCESS_DENIED,
        (
            "access denied",
            "creator org unknown",
            "identity expired",
            "permission denied",
            "Failed evaluating policy on signed data",
        ),
    ),
    (
        Fault.NOT_READY,
        (
            "no combination of peers can be derived",
            "no peers available to evaluate",
            "failed to find any endorsing peers",
            "could not launch chaincode",
            "chaincode definition for",
        ),
    ),
)
_CHANNEL_NOT_FOUND = re.compile(r"channel '[^']*' not found")
_BY_CODE = {
    "PERMISSION_DENIED": Fault.ACCESS_DENIED,
    "INVALID_ARGUMENT": Fault.CONFIGURATION,
    "UNIMPLEMENTED": Fault.CONFIGURATION,
    "FAILED_PRECONDITION": Fault.NOT_READY,
    "RESOURCE_EXHAUSTED": Fault.OVERLOADED,
}


def contract_words(cause: TransportError) -> tuple[int, str] | None:
    """The status and the words of the chaincode that refused; None where it was not the chaincode."""
    for text in (*(detail.message for detail in cause.details), cause.message):
        found = _CONTRACT.search(text)
        if found:
            return int(found[1]), found[2]
    return None


def fault_of(cause: TransportError, *, may_have_been_submitted: bool) -> Fault:
    """What kind of trouble it is: by the peers' own words first, the chaincode's before all others."""
    if contract_words(cause) is not None:
        return Fault.CONTRACT
    said = "\n".join((cause.message, *(detail.message for detail in cause.details)))
    for fault, texts in _BY_TEXT:
        if any(text in said for text in texts):
            return fault
    if _CHANNEL_NOT_FOUND.search(said):
        return Fault.CONFIGURATION
    if cause.code in _BY_CODE:
        return _BY_CODE[cause.code]
    return Fault.OUTCOME_UNKNOWN if may_have_been_submitted else Fault.UNAVAILABLE
