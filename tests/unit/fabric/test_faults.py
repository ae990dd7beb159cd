"""What the ledger port says of a Gateway's faults: each has a remedy, and a clock that is off is told by how much."""

from collections import Counter

import pytest

from adapters.outbound.fabric.faults import PASSING, REMEDIES, WAITING, ahead_seconds, answering
from adapters.outbound.fabric.gateway.errors import Detail, EndorseError, EvaluateError, Fault, TransportError
from ports.ledger import LedgerBusy, LedgerUnavailable
from tests.architecture.tree import REPOSITORY


def skewed(ours: str, theirs: str) -> EndorseError:
    said = f"request unauthorized due to incorrect timestamp {ours}, peer time {theirs}, peer.authentication.timewindow"
    return EndorseError(TransportError("ABORTED", "failed", [Detail(address="", msp_id="Org1MSP", message=said)]))


def test_every_fault_has_a_remedy() -> None:
    assert REMEDIES.keys() == set(Fault)
    assert PASSING <= WAITING


@pytest.mark.parametrize(
    ("ours", "theirs", "seconds"),
    [
        ("2026-03-01T12:00:00.123456789Z", "2026-03-01T11:00:00.123456789Z", 3600.0),
        ("2026-03-01T10:00:00Z", "2026-03-01T11:30:00+01:00", -1800.0),
        ("yesterday", "today", None),
    ],
)
def test_a_peer_s_clock_is_read_from_its_refusal(ours: str, theirs: str, seconds: float | None) -> None:
    assert ahead_seconds(skewed(ours, theirs)) == seconds


def test_nothing_is_said_of_clocks_where_the_peer_says_nothing() -> None:
    assert ahead_seconds(EndorseError(TransportError("ABORTED", "no such luck"))) is None


def test_a_difference_of_clocks_is_the_remedy_and_is_counted() -> None:
    failures: Counter[Fault] = Counter()
    with pytest.raises(LedgerUnavailable) as raised, answering(failures):
        raise skewed("2026-03-01T12:00:00Z", "2026-03-01T11:00:00Z")
    assert raised.value.parameters["remedy"] == "this machine's clock is 3600 s ahead of the peer's: set the clock"
    assert failures == {Fault.CLOCK_SKEW: 1}


def test_a_ledger_that_is_there_and_cannot_now_is_busy() -> None:
    failures: Counter[Fault] = Counter()
    with pytest.raises(LedgerBusy), answering(failures):
        raise EvaluateError(TransportError("UNKNOWN", "exceeding concurrency limit (500)"))
    assert failures == {Fault.OVERLOADED: 1}


def test_every_fault_is_explained_to_people() -> None:
    page = (REPOSITORY / "docs" / "how-to" / "run-on-fabric.md").read_text(encoding="utf-8")
    explained = page.partition("## What can be wrong")[2]
    assert [fault for fault in Fault if f"`{fault}`" not in explained] == []
