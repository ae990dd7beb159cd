"""Planted bugs: a ledger of pairs that leaves out one check fails the suite, which passes with it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from adapters.outbound.ed25519 import Signer, verify
from core.log.errors import EvidenceInvalid
from core.log.evidence import local_evidence
from core.log.notes import Algorithm, VerifierKey, sign_note
from core.log.pairs import Pair, Settled, Signed
from core.log.trust import LedgerTrust
from core.log.witness import LedgerRejected, Reason, rejected
from ports.pairs import Pairs
from tests.contracts.pairs import PairsContract

SIGNER = Signer(bytes([1]) * 32)
WITNESS = VerifierKey(name="witness", public=SIGNER.key, algorithm=Algorithm.COSIGNATURE)
REPORTED = (AssertionError, pytest.fail.Exception, EvidenceInvalid, LedgerRejected, LookupError)


class Forgetful:
    """Implements ports.pairs.Pairs in two dictionaries, and does not do `without`."""

    def __init__(self, without: str) -> None:
        self._without = without
        self._pairs: dict[bytes, Pair] = {}
        self._settled: dict[tuple[bytes, str], Settled] = {}

    async def open(self, pair: bytes, keys: tuple[bytes, bytes], origins: tuple[str, str]) -> Pair:
        wanted = Pair(id=pair, organisations=("one", "other"), keys=keys)
        known = self._pairs.setdefault(pair, wanted)
        if self._without != "look":
            known.require_same(wanted)
        return known

    async def settle(self, signed: Signed) -> None:
        new = signed.settled
        pair = self._pairs.get(new.pair)
        if pair is None:
            if self._without == "unknown pair":
                return
            raise rejected(Reason.UNKNOWN_PAIR)
        if self._without != "signatures":
            pair.require_signed(signed, verify)
        held = self._settled.get((new.pair, new.period))
        if self._without not in ("once", "idempotence"):
            if not pair.require_new(new, None if held is None else held.commitment):
                return
        elif self._without == "idempotence" and held is not None:
            raise rejected(Reason.SETTLED)
        self._settled[new.pair, "" if self._without == "period" else new.period] = new
        self._pairs[pair.id] = pair if self._without == "count" else pair.with_another_period()

    async def settled(self, pair: bytes, period: str) -> Settled | None:
        return self._settled.get((pair, period))

    async def evidence(self, settled: Settled) -> dict[str, object] | None:
        if self._settled.get((settled.pair, settled.period)) != settled:
            return None
        signer = Signer(bytes([2]) * 32) if self._without == "evidence" else SIGNER
        return {**local_evidence(str(sign_note(settled.text, WITNESS, signer, time=1)))}


class ForgetfulSuite(PairsContract):
    def __init__(self, without: str) -> None:
        self._without = without
        self._places: dict[Path, Pairs] = {}

    async def make(self, place: Path) -> Pairs:
        return self._places.setdefault(place, Forgetful(self._without))

    async def stop(self, pairs: Pairs) -> None:
        if self._without == "restart":
            self._places.clear()

    def trust(self) -> LedgerTrust:
        return LedgerTrust(witnesses=(WITNESS,))


def _unsigned(name: str) -> Callable[[ForgetfulSuite, Path], Awaitable[None]]:
    return lambda suite, place: suite.test_what_not_both_signed_is_refused_and_nothing_is_held(place, name)


CAUGHT_BY: list[tuple[str, Callable[[ForgetfulSuite, Path], Awaitable[None]]]] = [
    ("look", ForgetfulSuite.test_a_pair_under_other_keys_is_refused),
    ("unknown pair", ForgetfulSuite.test_a_pair_that_nobody_opened_settles_nothing),
    ("signatures", _unsigned("the first did not sign")),
    ("signatures", _unsigned("one signed twice")),
    ("once", ForgetfulSuite.test_another_commitment_for_a_settled_period_is_refused),
    ("once", ForgetfulSuite.test_of_two_submitters_at_once_with_different_commitments_one_wins),
    ("idempotence", ForgetfulSuite.test_settling_the_same_again_changes_nothing),
    ("idempotence", ForgetfulSuite.test_submitters_of_the_same_at_once_all_succeed),
    ("period", ForgetfulSuite.test_pairs_and_periods_do_not_disturb_each_other),
    ("count", ForgetfulSuite.test_what_both_signed_is_held_with_evidence_that_verifies_offline),
    ("evidence", ForgetfulSuite.test_what_both_signed_is_held_with_evidence_that_verifies_offline),
    ("restart", ForgetfulSuite.test_a_restart_forgets_nothing),
]


@pytest.mark.parametrize(("without", "test"), CAUGHT_BY)
async def test_a_ledger_without_a_check_is_reported(
    tmp_path: Path, without: str, test: Callable[[ForgetfulSuite, Path], Awaitable[None]]
) -> None:
    await test(ForgetfulSuite(""), tmp_path)
    with pytest.raises(REPORTED):
        await test(ForgetfulSuite(without), tmp_path)
