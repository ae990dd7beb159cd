"""Receipts whose checkpoint peers of several organisations vouch for: verified with the trust bundle alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.log.notes import join_notes
from core.log.receipts import Assurance, Receipt, State, Step, Validity, Verification, receipt_text, verify_bytes
from core.log.trust import NO_QUORUM, TrustBundle, parse_bundle, write_bundle
from tests.support.attested import Making, trust_in
from tests.support.organisations import Member, Organisation
from tests.unit.log.scenario import ANCHORED_AT, SCENARIO, SIGNATURES, WITNESS_1

HARBOUR, SUMMIT, MEADOW = (Organisation(name) for name in ("HarbourMSP", "SummitMSP", "MeadowMSP"))
PEERS = {one.msp_id: one.member() for one in (HARBOUR, SUMMIT, MEADOW)}
TRUST = trust_in(HARBOUR, SUMMIT, MEADOW, k=2)
WITNESSED = join_notes(SCENARIO.signed(), SCENARIO.cosigned(WITNESS_1))


def bundle(policy: str = NO_QUORUM) -> TrustBundle:
    """As it is exported and read again."""
    return parse_bundle(write_bundle(replace(SCENARIO.bundle(policy), ledger=TRUST)))


def receipt(note: str | None = None, **endorsers: Member) -> Receipt:
    making = Making(checkpoint=SCENARIO.checkpoint, endorsers=list((PEERS | endorsers).items()))
    return SCENARIO.receipt(note=note, evidence=making.read().to_json())


def verified(one: Receipt, trusted: TrustBundle | None = None) -> Verification:
    return verify_bytes(receipt_text(one).encode(), trusted or bundle(), SIGNATURES)


def test_a_receipt_that_several_organisations_endorsed_is_of_a_consortium() -> None:
    found = verified(receipt())
    assert (found.validity, found.state, found.assurance) == (Validity.VALID, State.ANCHORED, Assurance.CONSORTIUM)
    assert found.organisations == ("HarbourMSP", "MeadowMSP", "SummitMSP")
    assert found.anchored_at is None


def test_without_a_witness_nobody_knows_when_to_judge_the_certificates() -> None:
    assert verified(receipt()).certificates_at is None
    strangers = verified(receipt(note=WITNESSED))
    assert (strangers.validity, strangers.certificates_at) == (Validity.VALID, None)


def test_certificates_are_judged_when_the_first_witness_cosigned() -> None:
    found = verified(receipt(note=WITNESSED), bundle(SCENARIO.bundle().policy))
    assert (found.validity, found.assurance) == (Validity.VALID, Assurance.CONSORTIUM)
    assert found.certificates_at == ANCHORED_AT


def test_a_certificate_that_was_not_good_then_is_refused() -> None:
    then = datetime.fromtimestamp(ANCHORED_AT, UTC)
    for late in (HARBOUR.member(began=then + timedelta(seconds=1)), HARBOUR.member(ends=then - timedelta(seconds=1))):
        found = verified(receipt(note=WITNESSED, HarbourMSP=late), bundle(SCENARIO.bundle().policy))
        assert (found.validity, found.step) == (Validity.INVALID, Step.CERTIFICATES)
        assert verified(receipt(HarbourMSP=late)).validity is Validity.VALID


def test_a_client_that_chains_to_the_same_root_makes_it_invalid() -> None:
    found = verified(receipt(HarbourMSP=HARBOUR.member("client")))
    assert (found.validity, found.step) == (Validity.INVALID, Step.EVIDENCE)


def test_a_bundle_of_another_network_does_not_know_the_organisations() -> None:
    strangers = trust_in(Organisation("HarbourMSP"), Organisation("SummitMSP"), k=2)
    found = verified(receipt(), replace(bundle(), ledger=strangers))
    assert (found.validity, found.step) == (Validity.INVALID, Step.EVIDENCE)


def test_a_receipt_with_three_organisations_is_at_most_12_kb() -> None:
    assert len(receipt_text(receipt(note=WITNESSED))) <= 12_000
