"""Ed25519 against the public vectors of Wycheproof, and the signer against the checker."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.ed25519 import SEED_SIZE, Signer, verify

VECTORS = Path(__file__).parents[2] / "data" / "wycheproof" / "ed25519.json"
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def _wrong_answers(check: Any) -> list[int]:
    cases = json.loads(VECTORS.read_text())
    assert len(cases) == 151
    return [
        number
        for number, key, message, signature, valid in cases
        if check(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)) != valid
    ]


def test_every_public_vector_gets_the_right_answer() -> None:
    assert _wrong_answers(verify) == []


def test_the_vectors_report_a_checker_that_accepts_malleable_signatures() -> None:
    def lenient(key: bytes, message: bytes, signature: bytes) -> bool:
        scalar = int.from_bytes(signature[32:64], "little") % ED25519_ORDER
        return verify(key, message, signature[:32] + scalar.to_bytes(32, "little"))

    assert _wrong_answers(lenient) != []


@given(seed=st.binary(min_size=SEED_SIZE, max_size=SEED_SIZE), message=st.binary(), bit=st.integers(0, 511))
def test_a_signature_verifies_and_with_one_bit_changed_does_not(seed: bytes, message: bytes, bit: int) -> None:
    signer = Signer(seed)
    signature = signer(message)
    altered = bytearray(signature)
    altered[bit // 8] ^= 1 << bit % 8
    assert verify(signer.key, message, signature)
    assert not verify(signer.key, message, bytes(altered))
    assert not verify(signer.key, message + b"\0", signature)


@given(key=st.binary(max_size=40), message=st.binary(max_size=8), signature=st.binary(max_size=70))
def test_arbitrary_bytes_are_refused_without_an_error(key: bytes, message: bytes, signature: bytes) -> None:
    assert verify(key, message, signature) is False


def test_a_seed_of_another_length_is_refused_without_quoting_it() -> None:
    with pytest.raises(ValueError, match="32 bytes") as refusal:
        Signer(b"not-a-seed")
    assert "not-a-seed" not in str(refusal.value)


def test_a_signer_does_not_show_its_seed() -> None:
    seed = bytes(range(SEED_SIZE))
    assert seed.hex() not in repr(Signer(seed))
