"""Every way in which a Gateway is known to refuse (Fabric 2.5.16 and 3.1.5), and the fault that it is taken for."""

import pytest

from adapters.outbound.fabric.gateway.errors import (
    CommitError,
    CommitStatusError,
    Detail,
    EndorseError,
    EvaluateError,
    EventsError,
    Fault,
    GatewayError,
    SubmitError,
    TransportError,
)


def refused(code: str, message: str, *details: str) -> TransportError:
    return TransportError(code, message, [Detail(address="p:1", msp_id="HarbourMSP", message=one) for one in details])


ENDORSE = "failed to endorse transaction, see attached details for more info"
COLLECT = "failed to collect enough transaction endorsements, see attached details for more info"
READERS = (
    "Failed evaluating policy on signed data during check policy on channel [clubs] with policy "
    "[/Channel/Application/Readers]: [implicit policy evaluation failed - 0 sub-policies were satisfied, but this "
    "policy requires 1 of the 'Readers' sub-policies to be satisfied]"
)
SKEW = (
    "request unauthorized due to incorrect timestamp 2026-11-28T10:00:00Z, peer time 2026-11-28T11:00:00Z, "
    "peer.authentication.timewindow 15m0s"
)
TABLE: dict[str, tuple[type[GatewayError], TransportError, Fault]] = {
    "the contract refuses at Endorse": (
        EndorseError,
        refused("ABORTED", ENDORSE, "chaincode response 500, stale: 7"),
        Fault.CONTRACT,
    ),
    "the contract refuses at Evaluate": (
        EvaluateError,
        refused("UNKNOWN", "evaluate call to endorser returned error: chaincode response 404, no such log"),
        Fault.CONTRACT,
    ),
    "the contract's words sound like a fault of the peer": (
        EndorseError,
        refused("ABORTED", ENDORSE, "chaincode response 500, access denied: incorrect timestamp"),
        Fault.CONTRACT,
    ),
    "too many at once": (
        SubmitError,
        refused("UNKNOWN", "too many requests for /gateway.Gateway, exceeding concurrency limit (500)"),
        Fault.OVERLOADED,
    ),
    "endorsers are missing": (
        EndorseError,
        refused(
            "FAILED_PRECONDITION",
            "no combination of peers can be derived which satisfy the endorsement policy: required chaincodes are …",
        ),
        Fault.NOT_READY,
    ),
    "no peer has the chaincode, or the channel": (
        EndorseError,
        refused(
            "FAILED_PRECONDITION",
            "no combination of peers can be derived which satisfy the endorsement policy: No metadata was found for "
            "chaincode witness in channel nowhere",
        ),
        Fault.CONFIGURATION,
    ),
    "no peer has the chaincode": (
        EvaluateError,
        refused("FAILED_PRECONDITION", "no peers available to evaluate chaincode witness in channel clubs"),
        Fault.NOT_READY,
    ),
    "no peer of a named organisation": (
        EndorseError,
        refused("UNAVAILABLE", "failed to find any endorsing peers for org(s): SummitMSP"),
        Fault.NOT_READY,
    ),
    "the chaincode cannot be launched": (
        EndorseError,
        refused("ABORTED", ENDORSE, "failed to execute transaction ab: could not launch chaincode w:1: timeout"),
        Fault.NOT_READY,
    ),
    "the same proposal is being endorsed": (
        EndorseError,
        refused("ABORTED", ENDORSE, "error in simulation: failed to execute …: error sending: txid: ab(clubs) exists"),
        Fault.UNDERWAY,
    ),
    "peers differ": (
        EndorseError,
        refused("ABORTED", COLLECT, "ProposalResponsePayloads do not match"),
        Fault.MISMATCH,
    ),
    "an unknown identity at Endorse": (
        EndorseError,
        refused(
            "ABORTED", ENDORSE, "error validating proposal: access denied: channel [clubs] creator org [StrangerMSP]"
        ),
        Fault.ACCESS_DENIED,
    ),
    "an undefined organisation": (
        EndorseError,
        refused("ABORTED", ENDORSE, "error validating proposal: access denied: channel [clubs] creator org unknown, …"),
        Fault.ACCESS_DENIED,
    ),
    "an unknown identity at CommitStatus": (
        CommitStatusError,
        refused("PERMISSION_DENIED", READERS),
        Fault.ACCESS_DENIED,
    ),
    "an expired identity": (
        EndorseError,
        refused("ABORTED", ENDORSE, "error validating proposal: proposal client identity expired 5m ago"),
        Fault.ACCESS_DENIED,
    ),
    "an expired identity at Submit": (
        SubmitError,
        refused(
            "ABORTED",
            "no orderers could successfully process transaction",
            "received unsuccessful response from orderer: status=BAD_REQUEST, info=broadcast client identity expired",
        ),
        Fault.ACCESS_DENIED,
    ),
    "no writer": (
        SubmitError,
        refused(
            "ABORTED",
            "no orderers could successfully process transaction",
            "received unsuccessful response from orderer: status=FORBIDDEN, info=implicit policy: permission denied",
        ),
        Fault.ACCESS_DENIED,
    ),
    "a clock that is off": (EndorseError, refused("ABORTED", ENDORSE, SKEW), Fault.CLOCK_SKEW),
    "a clock that is off at Evaluate": (EvaluateError, refused("UNAVAILABLE", SKEW), Fault.CLOCK_SKEW),
    "a transaction that was committed before": (
        EndorseError,
        refused("ABORTED", ENDORSE, "duplicate transaction found [ab]. Creator [cd]"),
        Fault.DUPLICATE,
    ),
    "the orderer is down": (
        SubmitError,
        refused("UNAVAILABLE", "no orderers could successfully process transaction", "connection refused"),
        Fault.OUTCOME_UNKNOWN,
    ),
    "the orderer hangs": (SubmitError, refused("DEADLINE_EXCEEDED", "Deadline Exceeded"), Fault.OUTCOME_UNKNOWN),
    "nobody knows the transaction": (
        CommitStatusError,
        refused("DEADLINE_EXCEEDED", "Deadline Exceeded"),
        Fault.OUTCOME_UNKNOWN,
    ),
    "the peer is down": (EndorseError, refused("UNAVAILABLE", "failed to connect to all addresses"), Fault.UNAVAILABLE),
    "the peer restarts": (EventsError, refused("UNAVAILABLE", "Socket closed"), Fault.UNAVAILABLE),
    "an unknown channel": (
        EvaluateError,
        refused("UNAVAILABLE", "failed to get config for channel [nowhere]: …"),
        Fault.CONFIGURATION,
    ),
    "an unknown channel at Endorse": (
        EndorseError,
        refused("ABORTED", ENDORSE, "error validating proposal: channel 'nowhere' not found"),
        Fault.CONFIGURATION,
    ),
    "an unknown channel at CommitStatus": (
        CommitStatusError,
        refused("PERMISSION_DENIED", "Failed to get policy manager for channel [nowhere]"),
        Fault.CONFIGURATION,
    ),
    "another authority's TLS": (
        EndorseError,
        refused("UNAVAILABLE", "failed to connect: Ssl handshake failed: SSL_ERROR_SSL: CERTIFICATE_VERIFY_FAILED"),
        Fault.CONFIGURATION,
    ),
    "a handshake that fails": (
        EvaluateError,
        refused(
            "UNAVAILABLE",
            "last error: UNKNOWN: ipv4:127.0.0.1:7051: Tls handshake failed (TSI_PROTOCOL_FAILURE)",
        ),
        Fault.CONFIGURATION,
    ),
    "a handshake that fails, in older words": (
        EvaluateError,
        refused("UNAVAILABLE", "last error: UNKNOWN: ipv4:127.0.0.1:7051: Ssl handshake failed"),
        Fault.CONFIGURATION,
    ),
    "a name without an address": (
        SubmitError,
        refused(
            "UNAVAILABLE",
            "errors resolving p:1: [field:hostname lookup error:address lookup failed for p:1: Domain name not found]",
        ),
        Fault.CONFIGURATION,
    ),
    "a name without an address, in older words": (
        EndorseError,
        refused("UNAVAILABLE", "DNS resolution failed for p:1: C-ares status is not ARES_SUCCESS"),
        Fault.CONFIGURATION,
    ),
    "a message over the peer's limit": (
        EndorseError,
        refused("RESOURCE_EXHAUSTED", "grpc: received message larger than max (104857601 vs. 104857600)"),
        Fault.TOO_LARGE,
    ),
    "a transaction over the orderer's limit": (
        SubmitError,
        refused(
            "ABORTED",
            "no orderers could successfully process transaction",
            "status=BAD_REQUEST, info=message payload is 11 bytes and exceeds maximum allowed 10 bytes",
        ),
        Fault.TOO_LARGE,
    ),
    "a request that makes no sense": (
        SubmitError,
        refused("INVALID_ARGUMENT", "prepared transaction must be signed"),
        Fault.CONFIGURATION,
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_refusal_is_taken_for_what_it_is(name: str) -> None:
    kind, cause, fault = TABLE[name]
    error = kind(cause, "ab12")
    assert (error.fault, error.code, error.transaction_id) == (fault, cause.code, "ab12")
    assert kind.stage in str(error) and "ab12" in str(error)
    assert all(detail.message in str(error) for detail in cause.details)


def test_the_contracts_own_words_are_at_hand() -> None:
    error = EndorseError(refused("ABORTED", ENDORSE, "chaincode response 409, stale: size 7,\nof 9"))
    assert error.contract == (409, "stale: size 7,\nof 9")
    assert EndorseError(refused("ABORTED", ENDORSE, "duplicate transaction found")).contract is None


def test_a_void_transaction_is_named_by_its_code() -> None:
    error = CommitError("ab12", 11, 7)
    assert (error.reason, error.code, error.block_number) == ("MVCC_READ_CONFLICT", 11, 7)
    assert CommitError("ab12", 99, 7).reason == "99"
