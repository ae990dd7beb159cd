"""Openings and proofs of settlements: the same from the same visits, and no altered one verifies."""

import json
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.ed25519 import Signer
from adapters.outbound.signatures import SIGNATURES
from core.log.errors import MalformedSettlement, ProofInvalid
from core.log.evidence import local_evidence
from core.log.merkle import leaf_hash, root
from core.log.notes import Algorithm, VerifierKey, sign_note
from core.log.pairs import Settled
from core.log.settlements import Blinding, Opening, SettlementProof, check_proof, is_proof, parse_proof, prove
from core.log.settlements import write_proof as write
from core.log.trust import LedgerTrust
from shared.canonical import b64url, dumps, tagged_hash

VISITS = [sha256(bytes([number])).digest() for number in range(5)]
BLINDING = Blinding(secret=bytes([1]) * 32, clubs=(bytes([2]) * 16, bytes([3]) * 16))
SIGNERS = Signer(bytes([4]) * 32), Signer(bytes([5]) * 32)
WITNESS = Signer(bytes([6]) * 32)
WITNESS_KEY = VerifierKey(name="witness", public=WITNESS.key, algorithm=Algorithm.COSIGNATURE)
TRUST = LedgerTrust(witnesses=(WITNESS_KEY,))
MARCH = "2026-03"


def evidence(settled: Settled) -> dict[str, Any]:
    return {**local_evidence(str(sign_note(settled.text, WITNESS_KEY, WITNESS, time=1)))}


def proof(visits: list[bytes], visit: bytes) -> SettlementProof:
    opening = BLINDING.opening(MARCH, visits)
    one, other = [sign(opening.settled.message) for sign in SIGNERS]
    return prove(
        opening,
        visits,
        visit,
        keys=(SIGNERS[0].key, SIGNERS[1].key),
        signatures=(one, other),
        evidence=evidence(opening.settled),
    )


@cache
def good() -> bytes:
    return write(proof(VISITS, VISITS[2]))


@given(st.permutations(VISITS))
def test_the_order_in_which_visits_are_read_does_not_matter(visits: list[bytes]) -> None:
    assert BLINDING.opening(MARCH, visits) == BLINDING.opening(MARCH, VISITS)


def test_the_root_is_that_of_rfc_6962_over_the_sorted_commitments_and_twice_counts_once() -> None:
    opening = BLINDING.opening(MARCH, [*VISITS, VISITS[0]])
    assert (opening.root, opening.count) == (root(map(leaf_hash, sorted(VISITS))), 5)


def test_the_commitment_is_a_salted_hash_over_pair_period_root_and_count() -> None:
    opening = BLINDING.opening(MARCH, VISITS)
    body = f'{{"count":5,"pair":"{b64url(opening.pair)}","period":"{MARCH}","root":"{b64url(opening.root)}"}}'
    assert opening.commitment == tagged_hash("concordat/settlement-opening/v1", opening.salt, body.encode())
    assert len(opening.salt) == 32


def test_whatever_changes_the_commitment_changes() -> None:
    opening = BLINDING.opening(MARCH, VISITS)
    others: list[Opening] = [
        replace(opening, pair=bytes(32)),
        replace(opening, period="2026-04"),
        replace(opening, root=bytes(32)),
        replace(opening, count=6),
        replace(opening, salt=bytes(32)),
    ]
    assert len({each.commitment for each in [opening, *others]}) == 6


def test_pair_and_salt_follow_from_the_pairs_secret_and_differ_by_club_and_period() -> None:
    stranger = replace(BLINDING, secret=bytes([9]) * 32)
    turned = replace(BLINDING, clubs=(BLINDING.clubs[1], BLINDING.clubs[0]))
    assert len({BLINDING.pair, stranger.pair, turned.pair}) == 3
    salts = [
        each.opening(period, VISITS).salt for each in (BLINDING, stranger) for period in (MARCH, "2026-04", "2026-05")
    ]
    assert len(set(salts)) == 6
    assert BLINDING.secret.hex() not in repr(BLINDING)
    assert repr(BLINDING.opening(MARCH, VISITS).salt) not in repr(BLINDING.opening(MARCH, VISITS))


@given(st.integers(1, 40), st.data())
def test_every_visit_of_a_settlement_is_proven_however_many_there_are(count: int, data: st.DataObject) -> None:
    visits = [sha256(bytes([number])).digest() for number in range(count)]
    visit = data.draw(st.sampled_from(visits))
    checked = check_proof(write(proof(visits, visit)), TRUST, SIGNATURES)
    assert checked.step is None, checked.reason
    assert checked.proof is not None and checked.vouched is not None
    assert (checked.proof.visit, checked.proof.opening.count, checked.vouched.at) == (visit, count, 1)


def test_a_visit_that_was_not_settled_is_not_proven() -> None:
    with pytest.raises(ProofInvalid):
        proof(VISITS, sha256(b"another").digest())
    with pytest.raises(ProofInvalid):
        prove(
            BLINDING.opening(MARCH, VISITS[1:]),
            VISITS,
            VISITS[1],
            keys=(bytes(32), bytes(32)),
            signatures=(bytes(64), bytes(64)),
            evidence={},
        )


def test_a_proof_is_told_from_a_receipt_and_read_as_it_was_written() -> None:
    assert is_proof(good())
    assert is_proof(json.dumps(json.loads(good()), indent=2).encode()), (
        "one that was made pretty is named as what it is"
    )
    assert not is_proof(b"c2sp.org/tlog-proof@v1\n")
    assert write(parse_proof(good())) == good()


def other(value: str) -> str:
    return ("B" if value[0] != "B" else "C") + value[1:]


ALTERED: dict[str, tuple[dict[str, Any], str]] = {
    "another pair": ({"pair": other(b64url(BLINDING.pair))}, "signatures"),
    "another period": ({"period": "2026-04"}, "signatures"),
    "another count, for which the path is as good": ({"count": 6}, "signatures"),
    "another count": ({"count": 4}, "inclusion"),
    "another root": ({"root": b64url(bytes(32))}, "inclusion"),
    "another salt": ({"salt": b64url(bytes(32))}, "signatures"),
    "another visit": ({"visit": b64url(VISITS[1])}, "inclusion"),
    "another place": ({"index": 0}, "inclusion"),
    "a place beyond": ({"index": 5}, "inclusion"),
    "a place before": ({"index": -1}, "inclusion"),
    "no path": ({"hashes": []}, "inclusion"),
    "other keys": ({"keys": [b64url(WITNESS.key), b64url(SIGNERS[1].key)]}, "signatures"),
    "keys turned round": ({"keys": [b64url(SIGNERS[1].key), b64url(SIGNERS[0].key)]}, "signatures"),
    "no signature": ({"signatures": [b64url(bytes(64)), b64url(bytes(64))]}, "signatures"),
    "no evidence": ({"evidence": {}}, "evidence"),
    "evidence of another": (
        {"evidence": evidence(Settled(pair=bytes(32), period=MARCH, commitment=bytes(32)))},
        "evidence",
    ),
    "another version": ({"v": 2}, "format"),
    "one key": ({"keys": [b64url(SIGNERS[0].key)]}, "format"),
    "a short hash": ({"hashes": [b64url(bytes(31))]}, "format"),
    "a member more": ({"more": 1}, "format"),
    "a count that is a text": ({"count": "5"}, "format"),
    "a pair that is no base64url": ({"pair": "!"}, "format"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_proof_is_refused_at_its_step(name: str) -> None:
    changes, step = ALTERED[name]
    checked = check_proof(dumps({**json.loads(good()), **changes}), TRUST, SIGNATURES)
    assert (checked.step, checked.proof) == (step, None)
    assert checked.reason


def test_one_key_that_signed_twice_is_no_pair() -> None:
    found = parse_proof(good())
    one = found.signatures[0]
    twice = replace(found, keys=(found.keys[0], found.keys[0]), signatures=(one, one))
    assert check_proof(write(twice), TRUST, SIGNATURES).step == "signatures"


def test_evidence_of_a_ledger_that_the_bundle_does_not_know_is_refused() -> None:
    assert check_proof(good(), LedgerTrust(), SIGNATURES).step == "evidence"


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"null", b"\xff", good() + b"\n", good()[:-1], b"[" * 2000, b"1" * (1 << 21)]
)
def test_what_is_no_proof_is_refused_as_malformed(data: bytes) -> None:
    with pytest.raises(MalformedSettlement):
        parse_proof(data)


@given(st.integers(0, len(good()) - 1), st.integers(0, 255))
def test_no_proof_with_another_byte_verifies_as_another_statement(at: int, byte: int) -> None:
    altered = good()[:at] + bytes([byte]) + good()[at + 1 :]
    checked = check_proof(altered, TRUST, SIGNATURES)
    if checked.proof is not None:
        honest = parse_proof(good())
        assert (checked.proof.opening, checked.proof.visit) == (honest.opening, honest.visit)
