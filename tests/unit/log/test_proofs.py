"""The text of tlog-proof: round trips, and every text that is not one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.log.errors import MalformedProof
from core.log.proofs import LogProof, parse_proof
from tests.unit.log.scenario import SCENARIO

NOTE = SCENARIO.signed()
HASH = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
TEXT = f"c2sp.org/tlog-proof@v1\nextra aGk=\nindex 7\n{HASH}\n{HASH}\n\n{NOTE}"


def test_the_text_is_read_line_by_line() -> None:
    proof = parse_proof(TEXT)
    assert proof == LogProof(index=7, hashes=(bytes(range(32)),) * 2, note=NOTE, extra=b"hi")
    assert str(proof) == TEXT
    assert parse_proof(str(proof.bare())) == replace(proof, extra=None)


@given(st.integers(0, 2**53), st.lists(st.binary(min_size=32, max_size=32), max_size=63), st.binary(min_size=1))
def test_every_proof_survives_its_text(index: int, hashes: list[bytes], extra: bytes) -> None:
    proof = LogProof(index=index, hashes=tuple(hashes), note=NOTE, extra=extra)
    assert parse_proof(str(proof)) == proof


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("c2sp", "C2SP"),
        "\n" + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("extra aGk=\n", "extra \n"),
        TEXT.replace("extra aGk=\n", "extra aGk\n"),
        TEXT.replace("extra aGk=\n", "extra aGl=\n"),
        TEXT.replace("extra aGk=\n", "extra aGk=\nextra aGk=\n"),
        TEXT.replace("extra aGk=\nindex 7\n", "index 7\nextra aGk=\n"),
        TEXT.replace("extra", "Extra"),
        TEXT.replace("index 7\n", ""),
        TEXT.replace("index 7", "index 07"),
        TEXT.replace("index 7", "index -7"),
        TEXT.replace("index 7", "index  7"),
        TEXT.replace("index 7", "index 7 "),
        TEXT.replace("index 7", "index \u0667"),
        TEXT.replace("index 7", "index " + "9" * 17),
        TEXT.replace(HASH, HASH[:-4], 1),
        TEXT.replace(HASH, HASH + HASH, 1),
        TEXT.replace(HASH, HASH.replace("Hh8=", "Hh9="), 1),
        TEXT.replace(HASH, "\u00e9", 1),
        TEXT.replace(f"\n\n{NOTE}", f"\n{NOTE}"),
        TEXT.replace(f"\n\n{NOTE}", "\n\n"),
        TEXT.replace(f"\n\n{NOTE}", "\n"),
        TEXT[:-1],
        TEXT + "\n",
        TEXT.replace(HASH, "\n".join([HASH] * 63), 1),
    ],
)
def test_what_is_not_a_proof_is_refused_with_one_error(text: str) -> None:
    with pytest.raises(MalformedProof):
        parse_proof(text)
