"""What the ledger port says of each fault of a Gateway, with what a person can do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.outbound.fabric.gateway.errors import Fault, GatewayError
from ports.ledger import LedgerBusy, LedgerUnavailable

REMEDIES = {
    Fault.ACCESS_DENIED: "the channel does not accept this identity: see to its organisation, role and expiry",
    Fault.CLOCK_SKEW: "this machine's clock differs from the peer's by too much: set the clock",
    Fault.CONFIGURATION: "address, TLS roots, channel or contract are not the network's: compare the profile",
    Fault.CONTRACT: "the contract answered with an error that this version does not know",
    Fault.MISMATCH: "peers answered differently: one lags behind, or runs another version of the contract",
    Fault.NOT_READY: "too few organisations' peers answer for the endorsement policy",
    Fault.OVERLOADED: "the peer has too many calls at once",
    Fault.TOO_LARGE: "the transaction is over a limit of the network",
    Fault.UNAVAILABLE: "no gateway peer of the profile answers",
    Fault.OUTCOME_UNKNOWN: "no gateway peer of the profile answers",
    Fault.DUPLICATE: "the same transaction was committed before: ask again",
    Fault.UNDERWAY: "another worker brings the same at this moment: ask again",
}
PASSING = frozenset({Fault.MISMATCH, Fault.NOT_READY, Fault.OVERLOADED, Fault.DUPLICATE, Fault.UNDERWAY})
"""Faults of a ledger that is there, and cannot take it now."""


@contextmanager
def answering() -> Iterator[None]:
    """Raises LedgerBusy or LedgerUnavailable in the place of a Gateway's error."""
    try:
        yield
    except GatewayError as error:
        kind = LedgerBusy if error.fault in PASSING else LedgerUnavailable
        raise kind(fault=error.fault.value, stage=error.stage, remedy=REMEDIES[error.fault]) from error
