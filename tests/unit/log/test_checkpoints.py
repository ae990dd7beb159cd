"""Checkpoints and cosignatures: three lines and no more, the log's own key, and proven extension."""

import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.log.checkpoints import (
    Checkpoint,
    checkpoint_text,
    cosign_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
    verify_extension,
)
from core.log.errors import LogInvalid, MalformedCheckpoint, MalformedNote, ProofInvalid, SignatureInvalid
from core.log.merkle import EMPTY_ROOT, MAX_SIZE
from core.log.notes import VerifierKey, join_notes, parse_note, sign_note
from core.log.tiles import append, consistency_from_tiles
from tests.unit.log.scenario import HARBOUR, LOG, SCENARIO, STRANGER, SUMMIT, WITNESS_1, WITNESS_2, Signer, verify

EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "log" / "signed-note.json").read_text())
ROOT = bytes(range(32))
TEXT = f"{HARBOUR}\n3\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"


def test_the_example_of_the_specifications_is_read() -> None:
    note = parse_note(EXAMPLE["cosigned"])
    checkpoint = parse_checkpoint(note.text)
    assert checkpoint == Checkpoint(origin=EXAMPLE["origin"], size=EXAMPLE["size"], root=b64decode(EXAMPLE["root"]))
    assert [each.name for each in note.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert int.from_bytes(note.signatures[1].data[:8]) == EXAMPLE["time"]
    assert str(note) == EXAMPLE["cosigned"]


def test_the_text_is_three_lines() -> None:
    checkpoint = Checkpoint(origin=HARBOUR, size=3, root=ROOT)
    assert checkpoint_text(checkpoint) == TEXT
    assert parse_checkpoint(TEXT) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        TEXT[:-1],
        TEXT + "extension\n",
        TEXT + "\n",
        "\n" + TEXT,
        TEXT.replace("\n3\n", "\n03\n"),
        TEXT.replace("\n3\n", "\n+3\n"),
        TEXT.replace("\n3\n", "\n-3\n"),
        TEXT.replace("\n3\n", "\n3 \n"),
        TEXT.replace("\n3\n", "\n\u0663\n"),
        TEXT.replace("\n3\n", "\n3_0\n"),
        TEXT.replace("\n3\n", "\n\n"),
        TEXT.replace("\n3\n", f"\n{MAX_SIZE + 1}\n"),
        TEXT.replace("\n3\n", "\n" + "9" * 5000 + "\n"),
        TEXT.replace("\n3\n", "\n0\n"),
        TEXT.replace("Hh8=", "Hh9="),
        TEXT.replace("Hh8=", "Hh8"),
        TEXT.replace("Hh8=", ""),
        TEXT.replace("AAEC", "AA-C"),
        TEXT.replace("AAEC", ""),
    ],
)
def test_what_is_not_a_checkpoint_is_refused_with_one_error(text: str) -> None:
    with pytest.raises(MalformedCheckpoint):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 1, ROOT), ("a\nb", 1, ROOT), ("a", -1, ROOT), ("a", MAX_SIZE + 1, ROOT), ("a", 1, b""), ("a", 0, ROOT)],
)
def test_no_checkpoint_is_made_out_of_range(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(MalformedCheckpoint):
        Checkpoint(origin=origin, size=size, root=root)


def test_an_empty_log_has_a_checkpoint() -> None:
    assert parse_checkpoint(checkpoint_text(Checkpoint(origin="a", size=0, root=EMPTY_ROOT))).size == 0


def test_a_signed_checkpoint_opens_with_the_logs_key_and_known_witnesses() -> None:
    opened = open_checkpoint(SCENARIO.witnessed(), [LOG.key], verify, [WITNESS_2.key, WITNESS_1.key])
    assert (opened.checkpoint, opened.keys) == (SCENARIO.checkpoint, (LOG.key,))
    assert {each.key for each in opened.cosigned} == {WITNESS_1.key, WITNESS_2.key}
    assert open_checkpoint(SCENARIO.witnessed(), [LOG.key], verify).cosigned == ()


def test_only_a_key_named_like_the_origin_signs_a_checkpoint() -> None:
    checkpoint = SCENARIO.checkpoint
    for signer in (Signer(SUMMIT), WITNESS_1):
        with pytest.raises(MalformedCheckpoint):
            sign_checkpoint(checkpoint, signer.key, signer.sign)
    other = Signer(SUMMIT)
    forged = str(sign_note(checkpoint_text(checkpoint), other.key, other.sign))
    with pytest.raises(SignatureInvalid):
        open_checkpoint(forged, [LOG.key, other.key], verify)


def test_a_checkpoint_without_the_logs_own_signature_is_refused() -> None:
    for note in (SCENARIO.cosigned(WITNESS_1), SCENARIO.signed(Signer(HARBOUR, seed="thief"))):
        with pytest.raises(SignatureInvalid):
            open_checkpoint(note, [LOG.key], verify, [WITNESS_1.key])


def test_a_cosignature_of_another_checkpoint_sinks_this_one() -> None:
    other = replace(SCENARIO.checkpoint, size=299)
    line = cosign_checkpoint(other, WITNESS_1.key, WITNESS_1.sign, time=9).rpartition("\n\n")[2]
    with pytest.raises(SignatureInvalid):
        open_checkpoint(SCENARIO.signed() + line, [LOG.key], verify, [WITNESS_1.key])
    assert open_checkpoint(SCENARIO.signed() + line, [LOG.key], verify, [WITNESS_2.key]).cosigned == ()


def test_a_cosigner_signs_with_a_cosigners_key_only() -> None:
    with pytest.raises(MalformedNote):
        cosign_checkpoint(SCENARIO.checkpoint, LOG.key, LOG.sign, time=9)
    plain = VerifierKey(name=WITNESS_1.key.name, public=WITNESS_1.key.public)
    signed = str(sign_note(checkpoint_text(SCENARIO.checkpoint), plain, WITNESS_1.sign))
    note = join_notes(SCENARIO.signed(), signed)
    assert open_checkpoint(note, [LOG.key], verify, [plain, WITNESS_1.key]).cosigned == ()


def test_an_extension_line_is_refused_even_if_the_log_signed_it() -> None:
    note = str(sign_note(checkpoint_text(SCENARIO.checkpoint) + "extension\n", LOG.key, LOG.sign))
    with pytest.raises(MalformedCheckpoint):
        open_checkpoint(note, [LOG.key], verify)


def test_every_altered_byte_of_a_checkpoint_is_refused_by_whoever_knows_all_its_keys() -> None:
    note = join_notes(SCENARIO.signed(), SCENARIO.cosigned(WITNESS_1)).encode()
    for place in range(len(note)):
        damaged = note[:place] + bytes((note[place] ^ 1,)) + note[place + 1 :]
        try:
            opened = open_checkpoint(damaged.decode("utf-8", "replace"), [LOG.key], verify, [WITNESS_1.key])
        except LogInvalid:
            continue
        assert opened.cosigned == ()


def test_an_extension_is_proven_or_refused() -> None:
    tree = append(0, {}, SCENARIO.leaves)
    before = append(0, {}, SCENARIO.leaves[:270])
    old = Checkpoint(origin=HARBOUR, size=270, root=before.root)
    new = SCENARIO.checkpoint
    proof = consistency_from_tiles(270, 300, lambda level, index: tree.tiles[level, index])
    verify_extension(old, new, proof)
    verify_extension(new, new, ())
    verify_extension(None, new, ())
    verify_extension(Checkpoint(origin=HARBOUR, size=0, root=EMPTY_ROOT), new, ())
    empty = Checkpoint(origin=HARBOUR, size=0, root=EMPTY_ROOT)
    for bad_old, bad_new, bad_proof in [
        (old, new, proof[:-1]),
        (old, new, ()),
        (new, old, proof),
        (replace(old, root=ROOT), new, proof),
        (old, replace(new, root=ROOT), proof),
        (replace(new, root=ROOT), new, ()),
        (replace(old, origin=SUMMIT), new, proof),
        (old, empty, ()),
        (None, new, proof),
        (empty, new, proof),
    ]:
        with pytest.raises(ProofInvalid):
            verify_extension(bad_old, bad_new, bad_proof)


def test_a_stranger_adds_nothing() -> None:
    note = join_notes(SCENARIO.signed(), SCENARIO.cosigned(STRANGER))
    assert open_checkpoint(note, [LOG.key], verify, [WITNESS_1.key]).cosigned == ()
