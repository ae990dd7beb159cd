"""Every reader of the log on hostile input: its own error, and never anything else."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.log.checkpoints import open_checkpoint, parse_checkpoint
from core.log.disclosures import parse_disclosure
from core.log.errors import LogInvalid
from core.log.notes import open_note, parse_key, parse_note
from core.log.origins import parse_origin
from core.log.policy import parse_policy
from core.log.proofs import parse_proof
from core.log.receipts import parse_receipt, receipt_json, receipt_text, verify_bytes
from core.log.records import commitment_of_leaf, parse_record
from core.log.tiles import decode_entries, encode_entries, parse_path
from core.log.trust import parse_bundle, write_bundle
from shared.canonical import dumps
from tests.unit.log.scenario import HARBOUR, LOG, POLICY, SCENARIO, SIGNATURES, WITNESS_1, verify

TEXT = receipt_text(SCENARIO.anchored())
NOTE = SCENARIO.witnessed()

TEXT_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "note": (parse_note, NOTE),
    "opened note": (lambda text: open_note(text, [LOG.key, WITNESS_1.key], verify), NOTE),
    "checkpoint": (parse_checkpoint, NOTE.partition("\n\n")[0] + "\n"),
    "signed checkpoint": (lambda text: open_checkpoint(text, [LOG.key], verify, [WITNESS_1.key]), NOTE),
    "key": (parse_key, str(LOG.key)),
    "policy": (parse_policy, POLICY),
    "proof": (parse_proof, TEXT),
    "origin": (parse_origin, HARBOUR),
    "path": (parse_path, "tile/1/x001/x234/067.p/8"),
    "disclosure": (parse_disclosure, SCENARIO.disclosures[0].encoded),
}
BYTE_READERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "record": (parse_record, SCENARIO.record),
    "receipt": (parse_receipt, TEXT.encode()),
    "view": (parse_receipt, dumps(receipt_json(SCENARIO.anchored()))),
    "bundle": (parse_bundle, write_bundle(SCENARIO.bundle())),
    "entries": (decode_entries, encode_entries([b"one", b"", b"three"])),
    "leaf": (commitment_of_leaf, b"\x01" + bytes(32)),
}


def outcome(reader: Callable[[Any], Any], data: str | bytes) -> object:
    try:
        return reader(data)
    except LogInvalid as error:
        assert error.code.startswith("log/")
        assert error.reason
        return error


@pytest.mark.parametrize("name", TEXT_READERS)
@settings(max_examples=80)
@given(data=st.data())
def test_readers_of_text_raise_their_own_error_or_none(name: str, data: st.DataObject) -> None:
    reader, good = TEXT_READERS[name]
    assert not isinstance(outcome(reader, good), LogInvalid)
    outcome(reader, data.draw(st.text()))
    start, end = sorted((data.draw(st.integers(0, len(good))), data.draw(st.integers(0, len(good)))))
    inserted = data.draw(
        st.text(st.characters(), max_size=4) | st.sampled_from(["\n", "\n\n", "\ud800", "\0", "\u2014 "])
    )
    outcome(reader, good[:start] + inserted + good[end:])


@pytest.mark.parametrize("name", BYTE_READERS)
@settings(max_examples=80)
@given(data=st.data())
def test_readers_of_bytes_raise_their_own_error_or_none(name: str, data: st.DataObject) -> None:
    reader, good = BYTE_READERS[name]
    assert not isinstance(outcome(reader, good), LogInvalid)
    outcome(reader, data.draw(st.binary()))
    start, end = sorted((data.draw(st.integers(0, len(good))), data.draw(st.integers(0, len(good)))))
    inserted = data.draw(
        st.binary(max_size=4) | st.sampled_from([b'"', b"{", b"\\ud800", b"[" * 5000, b"1e9", b"\xff"])
    )
    outcome(reader, good[:start] + inserted + good[end:])


@given(st.binary() | st.text().map(lambda text: ("c2sp.org/tlog-proof@v1\n" + text).encode("utf-8", "replace")))
def test_verifying_never_raises(data: bytes) -> None:
    assert verify_bytes(data, SCENARIO.bundle(), SIGNATURES).step is not None
