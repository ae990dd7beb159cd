"""What the ledger port says of each fault of a Gateway, with what a person can do about it."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

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


WAITING = PASSING | {Fault.UNAVAILABLE, Fault.OUTCOME_UNKNOWN}
"""Faults that end by themselves or elsewhere: nothing in the settings of this process is wrong."""

_CLOCKS = re.compile(r"incorrect timestamp (\S+), peer time ([^\s,]+)")


@contextmanager
def answering(failures: Counter[Fault]) -> Iterator[None]:
    """Raises LedgerBusy or LedgerUnavailable in the place of a Gateway's error, which is counted by its fault."""
    try:
        yield
    except GatewayError as error:
        failures[error.fault] += 1
        kind = LedgerBusy if error.fault in PASSING else LedgerUnavailable
        raise kind(fault=error.fault.value, stage=error.stage, remedy=_remedy(error)) from error


def ahead_seconds(error: GatewayError) -> float | None:
    """By how much our clock is ahead of a peer's, where the peer says so: it does when it refuses."""
    said = _CLOCKS.search("\n".join((error.message, *(detail.message for detail in error.details))))
    if said is None:
        return None
    try:
        ours, theirs = (datetime.fromisoformat(_micro(text)) for text in said.groups())
    except ValueError:
        return None
    return (ours - theirs).total_seconds()


def _remedy(error: GatewayError) -> str:
    ahead = ahead_seconds(error)
    if ahead is None:
        return REMEDIES[error.fault]
    way = "ahead of" if ahead > 0 else "behind"
    return f"this machine's clock is {abs(ahead):.0f} s {way} the peer's: set the clock"


def _micro(time: str) -> str:
    """Go writes up to nine digits of a second."""
    return re.sub(r"(\.\d{6})\d+", r"\1", time)
