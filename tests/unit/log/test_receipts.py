"""Receipts: what verifies, what each forgery fails at, and that no byte of a receipt can change unseen."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from core.log.checkpoints import Checkpoint, cosign_checkpoint, sign_checkpoint
from core.log.disclosures import disclose
from core.log.errors import LogInvalid, MalformedReceipt
from core.log.evidence import local_evidence
from core.log.notes import join_notes
from core.log.receipts import (
    Assurance,
    Receipt,
    State,
    Step,
    TrustBundle,
    Validity,
    Verification,
    make_receipt,
    parse_receipt,
    receipt_json,
    receipt_text,
    verify_bytes,
    verify_receipt,
)
from core.log.records import commitment
from core.log.trust import NO_QUORUM, KeyRange, LedgerTrust
from shared.canonical import b64url, dumps
from tests.unit.log.scenario import (
    ANCHORED_AT,
    EVENT_ID,
    HARBOUR,
    INDEX,
    LEDGER,
    LOG,
    OLD_LOG,
    SCENARIO,
    SIGNATURES,
    STRANGER,
    SUMMIT,
    WITNESS_1,
    WITNESS_2,
)

BUNDLE = SCENARIO.bundle()
ANCHORED = SCENARIO.anchored()
TEXT = receipt_text(ANCHORED).encode()
VIEW = dumps(receipt_json(ANCHORED))


def check(receipt: Receipt, bundle: TrustBundle = BUNDLE) -> Verification:
    return verify_receipt(receipt, bundle, SIGNATURES)


def test_an_anchored_and_witnessed_receipt_is_valid_in_both_spellings() -> None:
    for data in (TEXT, VIEW, json.dumps(receipt_json(ANCHORED), indent=2).encode()):
        found = verify_bytes(data, BUNDLE, SIGNATURES)
        assert (found.validity, found.state, found.assurance) == (Validity.VALID, State.ANCHORED, Assurance.WITNESSED)
        assert (found.step, found.reason, found.redacted, found.anchored_at) == (None, None, (), ANCHORED_AT)
        assert found.opened["/after/0/fields/member_name"] == "Ana Lóránt"
        assert found.record is not None
        assert found.record.id == str(EVENT_ID)
        assert parse_receipt(data) == ANCHORED


def test_a_receipt_without_evidence_is_provisional() -> None:
    found = check(SCENARIO.receipt())
    assert (found.validity, found.state, found.assurance) == (Validity.VALID, State.PROVISIONAL, Assurance.SELF)
    assert found.anchored_at is None


def test_a_receipt_whose_openings_are_gone_is_valid_with_redactions() -> None:
    found = check(SCENARIO.anchored(disclosures=SCENARIO.disclosures[:1]))
    assert (found.validity, found.state) == (Validity.REDACTED, State.ANCHORED)
    assert found.redacted == ("/after/0/fields/guest_name", "/after/0/fields/member_name")
    assert check(SCENARIO.receipt(disclosures=[])).validity is Validity.REDACTED


@pytest.mark.parametrize(
    ("policy", "assurance"),
    [
        (NO_QUORUM, Assurance.SELF),
        (f"witness s {STRANGER.key}\nquorum s\n", Assurance.WITNESSED),
        (f"witness a {WITNESS_1.key}\nwitness b {WITNESS_2.key}\ngroup g all a b\nquorum g\n", Assurance.WITNESSED),
        (f"witness a {WITNESS_1.key}\nwitness l {LEDGER.key}\ngroup g all a l\nquorum g\n", Assurance.SELF),
    ],
)
def test_assurance_is_witnessed_when_the_policys_quorum_cosigned(policy: str, assurance: Assurance) -> None:
    found = check(ANCHORED, SCENARIO.bundle(policy))
    assert (found.validity, found.assurance) == (Validity.VALID, assurance)


def test_every_altered_byte_of_a_receipt_is_refused_and_the_step_is_named() -> None:
    steps: Counter[Step | None] = Counter()
    for place in range(len(TEXT)):
        for mask in (0x01, 0x20, 0x80):
            damaged = TEXT[:place] + bytes((TEXT[place] ^ mask,)) + TEXT[place + 1 :]
            found = verify_bytes(damaged, BUNDLE, SIGNATURES)
            assert (found.validity, bool(found.reason)) == (Validity.INVALID, True), (place, mask)
            steps[found.step] += 1
    assert None not in steps
    assert set(Step) - {Step.KEY_RANGE, Step.CERTIFICATES} == set(steps)


def test_every_altered_byte_of_the_json_view_is_refused() -> None:
    for place in range(len(VIEW)):
        damaged = VIEW[:place] + bytes((VIEW[place] ^ 0x01,)) + VIEW[place + 1 :]
        found = verify_bytes(damaged, BUNDLE, SIGNATURES)
        assert (found.validity, found.step is None) == (Validity.INVALID, False), place


def test_every_byte_left_out_or_put_in_is_refused() -> None:
    for place in range(len(TEXT)):
        assert verify_bytes(TEXT[:place] + TEXT[place + 1 :], BUNDLE, SIGNATURES).validity is Validity.INVALID
        assert verify_bytes(TEXT[:place] + b"A" + TEXT[place:], BUNDLE, SIGNATURES).validity is Validity.INVALID
    assert verify_bytes(TEXT + b"\n", BUNDLE, SIGNATURES).step is Step.FORMAT


def test_a_signature_line_that_the_verifier_does_not_know_is_watched_by_the_check_alone() -> None:
    start = TEXT.rindex(b"stranger")
    found = verify_bytes(TEXT[:start] + b"s" + TEXT[start:], BUNDLE, SIGNATURES)
    assert (found.validity, found.step) == (Validity.INVALID, Step.COSIGNATURES)
    blind = replace(parse_receipt(TEXT), check="")
    assert check(blind).step is Step.COSIGNATURES


RECORD = ANCHORED.record
OTHER = RECORD.replace(b"north", b"south")
SHORTER = replace(SCENARIO.checkpoint, size=299)
ELSEWHERE = Checkpoint(origin=SUMMIT, size=300, root=SCENARIO.checkpoint.root)
THIEF = make_receipt(
    record=RECORD,
    salt=SCENARIO.salt,
    disclosures=(),
    evidence=None,
    index=INDEX,
    hashes=SCENARIO.tree[1],
    checkpoint=SCENARIO.signed(OLD_LOG),
)


def foreign_disclosure() -> Receipt:
    made = disclose(key=bytes(32), origin=SUMMIT, event_id=str(EVENT_ID), pointer="/object/note", value="arrived alone")
    return SCENARIO.receipt(disclosures=[made])


def evidence_of(checkpoint: Checkpoint, *extra: str) -> Receipt:
    note = cosign_checkpoint(checkpoint, LEDGER.key, LEDGER.sign, time=ANCHORED_AT)
    return SCENARIO.receipt(evidence=local_evidence(join_notes(note, *extra)))


def proof_with(**changes: Any) -> Receipt:
    return replace(ANCHORED, proof=replace(ANCHORED.proof, **changes))


@pytest.mark.parametrize(
    ("step", "forge"),
    [
        (Step.RECORD, lambda: replace(ANCHORED, record=b"{}")),
        (Step.RECORD, lambda: replace(ANCHORED, record=RECORD + b" ")),
        (Step.COMMITMENT, lambda: replace(ANCHORED, record=OTHER)),
        (Step.COMMITMENT, lambda: replace(ANCHORED, salt=SCENARIO.other_salt)),
        (Step.COMMITMENT, lambda: replace(ANCHORED, commitment=bytes(32))),
        (Step.INCLUSION, lambda: replace(ANCHORED, record=OTHER, commitment=commitment(SCENARIO.salt, OTHER))),
        (Step.INCLUSION, lambda: SCENARIO.receipt(index=INDEX + 1)),
        (Step.INCLUSION, lambda: proof_with(hashes=ANCHORED.proof.hashes[:-1])),
        (Step.INCLUSION, lambda: proof_with(hashes=(*ANCHORED.proof.hashes, bytes(32)))),
        (Step.INCLUSION, lambda: proof_with(hashes=())),
        (Step.INCLUSION, lambda: proof_with(index=300)),
        (Step.INCLUSION, lambda: replace(ANCHORED, checkpoint=replace(SCENARIO.checkpoint, root=bytes(32)))),
        (Step.SIGNATURE, lambda: SCENARIO.receipt(note=SCENARIO.cosigned(WITNESS_1))),
        (Step.SIGNATURE, lambda: SCENARIO.receipt(note=sign_checkpoint(ELSEWHERE, *_summit()))),
        (Step.KEY_RANGE, lambda: THIEF),
        (Step.DISCLOSURES, foreign_disclosure),
        (Step.DISCLOSURES, lambda: SCENARIO.receipt(disclosures=SCENARIO.disclosures * 2)),
        (Step.DISCLOSURES, lambda: replace(ANCHORED, disclosures=("nonsense",))),
        (Step.EVIDENCE, lambda: evidence_of(SHORTER)),
        (Step.EVIDENCE, lambda: evidence_of(ELSEWHERE)),
        (Step.EVIDENCE, lambda: evidence_of(SCENARIO.checkpoint, SCENARIO.cosigned(STRANGER))),
        (Step.EVIDENCE, lambda: SCENARIO.receipt(evidence=local_evidence(SCENARIO.cosigned(WITNESS_1)))),
        (Step.EVIDENCE, lambda: SCENARIO.receipt(evidence=local_evidence(SCENARIO.signed()))),
        (Step.EVIDENCE, lambda: SCENARIO.receipt(evidence=local_evidence("nonsense"))),
        (Step.EVIDENCE, lambda: SCENARIO.receipt(evidence={**local_evidence(SCENARIO.cosigned(LEDGER)), "more": 1})),
        (Step.EVIDENCE, lambda: SCENARIO.receipt(evidence={"kind": "local-witness", "note": 5})),
        (Step.EVIDENCE, lambda: SCENARIO.receipt(evidence={"kind": "fabric", "note": ""})),
        (Step.EVIDENCE, lambda: SCENARIO.receipt(evidence={"kind": ["local-witness"]})),
        (Step.EVIDENCE, lambda: SCENARIO.receipt(evidence={})),
        (Step.COSIGNATURES, lambda: SCENARIO.receipt(note=join_notes(SCENARIO.signed(), _cosigned_by_another_key()))),
    ],
)
def test_each_forgery_fails_at_its_step(step: Step, forge: Callable[[], Receipt]) -> None:
    found = check(forge())
    assert (found.validity, found.step) == (Validity.INVALID, step)
    assert found.reason
    assert (found.state, found.assurance, found.record, dict(found.opened)) == (None, None, None, {})


def _summit() -> tuple[Any, Any]:
    signer = type(LOG)(SUMMIT)
    return signer.key, signer.sign


def _cosigned_by_another_key() -> str:
    return cosign_checkpoint(SCENARIO.checkpoint, WITNESS_1.key, WITNESS_2.sign, time=ANCHORED_AT)


def test_a_log_that_the_bundle_does_not_know_is_refused() -> None:
    for logs in ({}, {SUMMIT: BUNDLE.logs[SUMMIT]}):
        assert check(ANCHORED, replace(BUNDLE, logs=logs)).step is Step.SIGNATURE


def test_a_ledger_that_the_bundle_does_not_know_is_refused() -> None:
    assert check(ANCHORED, replace(BUNDLE, ledger=LedgerTrust())).step is Step.EVIDENCE
    assert check(SCENARIO.receipt(), replace(BUNDLE, ledger=LedgerTrust())).validity is Validity.VALID


def test_a_key_signs_only_the_tree_sizes_that_it_is_good_for() -> None:
    for from_size, until_size, step in ((0, 300, Step.KEY_RANGE), (301, None, Step.KEY_RANGE), (300, 301, None)):
        bundle = replace(BUNDLE, logs={HARBOUR: (KeyRange(key=LOG.key, from_size=from_size, until_size=until_size),)})
        assert check(ANCHORED, bundle).step is step


def test_a_verifier_that_accepts_every_signature_would_be_seen() -> None:
    assert (
        verify_receipt(SCENARIO.receipt(note=_forged()), BUNDLE, replace(SIGNATURES, ed25519=lambda *_: True)).validity
        is Validity.VALID
    )
    assert check(SCENARIO.receipt(note=_forged())).step is Step.SIGNATURE


def _forged() -> str:
    return sign_checkpoint(SCENARIO.checkpoint, LOG.key, OLD_LOG.sign)


def without_gaps(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ...}


def view(**changes: Any) -> bytes:
    return json.dumps(without_gaps({**receipt_json(ANCHORED), **changes})).encode()


def extra(**changes: Any) -> bytes:
    members = {
        name: value for name, value in receipt_json(ANCHORED).items() if name not in ("index", "hashes", "checkpoint")
    }
    return str(replace(ANCHORED.proof, extra=dumps(without_gaps({**members, **changes})))).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{}",
        b"nonsense",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":1e999}',
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b'{"a":' + b"9" * 5000 + b"}",
        b"\xef\xbb\xbf" + TEXT,
        b"\xef\xbb\xbf" + VIEW,
        VIEW.replace(b'"v":1', b'"v":1,"v":1'),
        str(ANCHORED.proof).encode(),
        str(replace(ANCHORED.proof, extra=b"nonsense")).encode(),
        str(replace(ANCHORED.proof, extra=VIEW)).encode(),
        str(replace(ANCHORED.proof, extra=b"[]")).encode(),
        *(make(**{name: ...}) for make in (view, extra) for name in ("v", "record", "salt", "evidence", "check")),
        *(
            make(**{name: 5})
            for make in (view, extra)
            for name in ("record", "salt", "evidence", "disclosures", "check")
        ),
        *(make(v=v) for make in (view, extra) for v in (0, 2, True, "1", None)),
        *(make(more=1) for make in (view, extra)),
        *(make(salt=b64url(bytes(31))) for make in (view, extra)),
        *(make(commitment=b64url(bytes(33))) for make in (view, extra)),
        *(make(disclosures=[5]) for make in (view, extra)),
        view(index="1"),
        view(index=-1),
        view(index=True),
        view(index=1.0),
        view(hashes=None),
        view(hashes=[5]),
        view(hashes=["AAAA"]),
        view(checkpoint="nonsense"),
        view(checkpoint=5),
        view(checkpoint="\n\n" + ANCHORED.proof.note),
    ],
)
def test_what_is_not_a_receipt_is_refused_with_one_error(data: bytes) -> None:
    with pytest.raises(MalformedReceipt):
        parse_receipt(data)
    assert verify_bytes(data, BUNDLE, SIGNATURES).step is Step.FORMAT


def test_a_receipt_longer_than_any_is_refused_unread() -> None:
    assert verify_bytes(b"{" + b" " * (8 << 20), BUNDLE, SIGNATURES).step is Step.FORMAT


def test_reason_of_a_refusal_is_the_reason_alone() -> None:
    assert verify_bytes(b"a letter", BUNDLE, SIGNATURES).reason == "the first line is not c2sp.org/tlog-proof@v1"


@pytest.mark.parametrize(
    "changes", [{"salt": b""}, {"record": b"\xff"}, {"checkpoint": "nonsense"}, {"hashes": (b"",), "index": -1}]
)
def test_no_receipt_is_made_of_malformed_parts(changes: dict[str, Any]) -> None:
    parts: dict[str, Any] = {
        "record": RECORD,
        "salt": SCENARIO.salt,
        "disclosures": (),
        "evidence": None,
        "index": INDEX,
        "hashes": SCENARIO.tree[1],
        "checkpoint": SCENARIO.signed(),
    }
    with pytest.raises(LogInvalid):
        parse_receipt(receipt_text(make_receipt(**{**parts, **changes})).encode())


def test_both_parties_receipts_open_with_the_same_disclosures_and_share_no_leaf() -> None:
    _, harbour, summit = SCENARIO.recorded
    mine, theirs = commitment(SCENARIO.salt, harbour), commitment(SCENARIO.other_salt, summit)
    assert sha256(mine).digest() != sha256(theirs).digest()
    assert json.loads(harbour)["object"] == json.loads(summit)["object"]
