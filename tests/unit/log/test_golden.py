"""Golden files: the exact bytes of record, receipt, settlement and trust bundle of version 1, frozen for ever.

`CONCORDAT_TEST_WRITE_GOLDEN=1` writes them anew; after a release that means a new version, never a changed one.
"""

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from core.log.evidence import local_evidence
from core.log.notes import sign_note
from core.log.receipts import Validity, receipt_json, receipt_text, verify_bytes
from core.log.records import parse_record
from core.log.settlements import Blinding, SettlementProof, check_proof, prove, write_proof
from core.log.trust import parse_bundle, write_bundle
from shared.canonical import dumps
from tests.unit.log.scenario import ANCHORED_AT, LEDGER, SCENARIO, SIGNATURES, Signer

GOLDEN = Path(__file__).parents[2] / "data" / "golden"


def produced() -> dict[str, bytes]:
    redacted = SCENARIO.anchored(disclosures=[])
    return {
        "record-v1.json": SCENARIO.record,
        "receipt-v1.tlog-proof": receipt_text(SCENARIO.anchored()).encode(),
        "receipt-v1.json": dumps(receipt_json(SCENARIO.anchored())),
        "receipt-v1-redacted.tlog-proof": receipt_text(redacted).encode(),
        "receipt-v1-provisional.tlog-proof": receipt_text(SCENARIO.receipt()).encode(),
        "trust-v1.json": write_bundle(SCENARIO.bundle()),
        "settlement-v1.json": write_proof(settlement()),
    }


def settlement() -> SettlementProof:
    """The third of seven visits in March, settled by a pair with keys of its own."""
    visits = [sha256(f"visit {number}".encode()).digest() for number in range(7)]
    opening = Blinding(secret=bytes([1]) * 32, clubs=(bytes([2]) * 16, bytes([3]) * 16)).opening("2026-03", visits)
    first, second = Signer("first-of-the-pair"), Signer("second-of-the-pair")
    held = sign_note(opening.settled.text, LEDGER.key, LEDGER.sign, time=ANCHORED_AT)
    return prove(
        opening,
        visits,
        sorted(visits)[2],
        keys=(first.key.public, second.key.public),
        signatures=(first.sign(opening.settled.message), second.sign(opening.settled.message)),
        evidence=local_evidence(str(held)),
    )


@pytest.mark.parametrize("name", produced())
def test_what_is_written_today_equals_the_frozen_bytes(name: str) -> None:
    if os.environ.get("CONCORDAT_TEST_WRITE_GOLDEN"):
        (GOLDEN / name).write_bytes(produced()[name])
    assert (GOLDEN / name).read_bytes() == produced()[name]


@pytest.mark.parametrize(
    ("name", "validity"),
    [
        ("receipt-v1.tlog-proof", Validity.VALID),
        ("receipt-v1.json", Validity.VALID),
        ("receipt-v1-provisional.tlog-proof", Validity.VALID),
        ("receipt-v1-redacted.tlog-proof", Validity.REDACTED),
    ],
)
def test_frozen_receipts_verify_with_the_frozen_bundle(name: str, validity: Validity) -> None:
    bundle = parse_bundle((GOLDEN / "trust-v1.json").read_bytes())
    assert verify_bytes((GOLDEN / name).read_bytes(), bundle, SIGNATURES).validity is validity


def test_the_frozen_settlement_verifies_with_the_frozen_bundle() -> None:
    ledger = parse_bundle((GOLDEN / "trust-v1.json").read_bytes()).ledger
    checked = check_proof((GOLDEN / "settlement-v1.json").read_bytes(), ledger, SIGNATURES)
    assert (checked.step, checked.proof) == (None, settlement())


def test_the_frozen_record_is_the_one_that_the_frozen_receipt_holds() -> None:
    record = (GOLDEN / "record-v1.json").read_bytes()
    assert json.loads((GOLDEN / "receipt-v1.json").read_bytes())["record"].encode() == record
    assert parse_record(record).type == "clubs.visit_checked_in"
