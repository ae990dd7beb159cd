"""tlog-witness without a network: the specification's examples, requests in one spelling, and what is cosigned."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.ed25519 import verify
from app.log.cosigner import Cosigner
from core.log.checkpoints import Checkpoint, cosign_checkpoint, sign_checkpoint
from core.log.cosigning import (
    MAX_PROOF_LINES,
    MAX_REQUEST,
    AddCheckpoint,
    LogForked,
    brought,
    check_answer,
    followed,
    parse_request,
)
from core.log.errors import LogInvalid, SignatureInvalid
from core.log.merkle import EMPTY_ROOT, consistency_proof
from core.log.notes import parse_note
from core.log.trust import KeyRange
from core.log.witness import LedgerRejected, WitnessedLog
from ports.witnessed import Witnessed
from tests.contracts.ledger import FORKED, HONEST, SampleLog
from tests.support.witnesses import MemoryHeads, cosigner
from tests.support.world import START

EXAMPLES = json.loads((Path(__file__).parents[2] / "data/log/tlog-witness.json").read_text(encoding="utf-8"))
HASH_LINE = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"


def request_of(size: int, old_size: int = 0, log: SampleLog = HONEST) -> AddCheckpoint:
    proof = consistency_proof(old_size, size, log.hash_at) if 0 < old_size < size else ()
    return AddCheckpoint(old_size=old_size, proof=proof, note=log.note(size))


def reason_of(refused: "pytest.ExceptionInfo[LedgerRejected]") -> str:
    return str(refused.value.parameters["reason"])


def test_the_example_request_of_the_specification_is_read_and_written_in_the_same_bytes() -> None:
    request = parse_request(EXAMPLES["request"].encode())
    assert (request.old_size, len(request.proof)) == (20852014, 4)
    claim = brought(request)
    assert (claim.checkpoint.origin, claim.checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert len(claim.note.signatures) == 2
    assert str(request) == EXAMPLES["request"]


def test_the_example_answer_of_the_specification_is_read_and_no_cosignature_of_anybody_else() -> None:
    note = parse_note(parse_request(EXAMPLES["request"].encode()).note)
    lines = parse_note("\n".join((note.text, EXAMPLES["answer"]))).signatures
    assert [each.name for each in lines] == ["witness.example/w1", "witness.example/w1", "witness.example/w2"]
    with pytest.raises(
        SignatureInvalid,
        match=r"no line is of w1\.test/witness and its key; it answered as witness\.example/w1, witness\.example/w2",
    ):
        check_answer(note, EXAMPLES["answer"], cosigner("w1").key, verify)


@given(old=st.integers(0, 40), size=st.integers(1, 40))
def test_a_request_is_read_as_it_was_written(old: int, size: int) -> None:
    request = request_of(max(old, size), min(old, size))
    assert parse_request(str(request).encode()) == request


GOOD = str(request_of(8, 5))
MALFORMED = {
    "nothing": "",
    "no old size": GOOD.partition("\n")[2],
    "an old size with a leading zero": GOOD.replace("old 5", "old 05"),
    "an old size with a sign": GOOD.replace("old 5", "old +5"),
    "an old size in other digits": GOOD.replace("old 5", "old \u0665"),
    "an old size without end": GOOD.replace("old 5", "old " + "9" * 400),
    "two spaces": GOOD.replace("old 5", "old  5"),
    "a carriage return": GOOD.replace("old 5\n", "old 5\r\n"),
    "no empty line": GOOD.replace("\n\n", "\n", 1),
    "a proof line that is no base64": GOOD.replace("old 5\n", "old 5\n***\n"),
    "a proof line in another spelling": GOOD.replace("old 5\n", "old 5\n" + HASH_LINE.replace("=", "")),
    "a proof line of another length": GOOD.replace("old 5\n", "old 5\nAAAA\n"),
    "a proof line too many": "old 5\n" + HASH_LINE * (MAX_PROOF_LINES + 1) + "\n" + request_of(8).note,
    "no checkpoint": "old 0\n\n",
    "a checkpoint that is not signed": "old 0\n\n" + parse_note(request_of(8).note).text,
    "an extension line": GOOD.replace("\n\n\u2014", "\nextension\n\n\u2014"),
    "a size out of range": GOOD.replace("\n8\n", "\n9999999999999999\n"),
    "more than is read": GOOD + "\u2014 w.test AAAAAAAA\n" * (MAX_REQUEST // 19),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_what_is_no_request_is_malformed_and_changes_nothing(name: str) -> None:
    witness = cosigner("peak", HONEST.key)
    with pytest.raises(LedgerRejected) as refused:
        await witness.add_checkpoint(MALFORMED[name].encode())
    assert reason_of(refused) == "malformed"
    assert await witness.heads.get(HONEST.origin) is None


@given(body=st.binary(max_size=300), at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
async def test_whatever_comes_is_refused_or_cosigned_and_nothing_else(body: bytes, at: int, byte: int) -> None:
    altered = bytearray(GOOD.encode())
    altered[at] = byte
    witness = cosigner("peak", HONEST.key)
    await witness.add_checkpoint(str(request_of(5)).encode())
    for each in (body, bytes(altered), GOOD.encode()[:at]):
        with suppress(LedgerRejected):
            await witness.add_checkpoint(each)
        held = await witness.heads.get(HONEST.origin)
        assert held is not None
        assert held.checkpoint in (HONEST.checkpoint(5), HONEST.checkpoint(8))


@given(held=st.integers(0, 30), old=st.integers(0, 30), size=st.integers(0, 30), forked_at=st.integers(0, 40))
def test_a_witness_follows_one_history_whoever_asks(held: int, old: int, size: int, forked_at: int) -> None:
    log = WitnessedLog(
        origin=HONEST.origin, keys=(KeyRange(key=HONEST.key),), head=HONEST.checkpoint(held) if held else None
    )
    fork = SampleLog(forked_at=forked_at)
    proof = consistency_proof(old, size, fork.hash_at) if 0 < old < size else ()
    request = AddCheckpoint(old_size=old, proof=proof, note=fork.note(size))
    same = forked_at >= held or held == 0
    try:
        new = followed(log, brought(request), old, proof, verify)
    except LedgerRejected as refused:
        expected = (
            "malformed" if old > size else "wrong-old-size" if old != held else "fork" if size == held else "bad-proof"
        )
        assert refused.parameters["reason"] == expected
        assert old > size or old != held or not same
    else:
        assert old == held <= size
        assert new == fork.checkpoint(size)
        assert same


async def test_an_empty_log_may_be_cosigned_before_it_grows() -> None:
    witness = cosigner("peak", HONEST.key)
    empty = Checkpoint(origin=HONEST.origin, size=0, root=EMPTY_ROOT)
    note = sign_checkpoint(empty, HONEST.key, HONEST.signer)
    for _ in range(2):
        assert await witness.add_checkpoint(str(AddCheckpoint(old_size=0, proof=(), note=note)).encode())
    assert await witness.add_checkpoint(str(request_of(5)).encode())


async def test_a_log_may_have_several_keys_and_one_that_is_none_of_them_signs_nothing() -> None:
    second = replace(HONEST, seed=bytes([2]) * 32)
    witness = cosigner("peak", HONEST.key, second.key)
    await witness.add_checkpoint(str(request_of(5)).encode())
    await witness.add_checkpoint(str(request_of(8, 5, second)).encode())
    with pytest.raises(LedgerRejected, match="bad-signature"):
        await witness.add_checkpoint(str(request_of(9, 8, replace(HONEST, seed=bytes([3]) * 32))).encode())


async def test_an_empty_log_has_one_root() -> None:
    witness = cosigner("peak", HONEST.key)
    with pytest.raises(LedgerRejected, match="bad-proof"):
        await witness.add_checkpoint(GOOD.replace("\n8\n", "\n0\n").encode())


async def test_a_fork_comes_with_the_two_notes_that_prove_it() -> None:
    witness = cosigner("peak", HONEST.key)
    await witness.add_checkpoint(str(request_of(5)).encode())
    with pytest.raises(LogForked) as forked:
        await witness.add_checkpoint(str(request_of(5, 5, FORKED)).encode())
    assert forked.value.notes == (HONEST.note(5), FORKED.note(5))


class Overtaken(MemoryHeads):
    """A larger head is cosigned for somebody else as soon as this one is kept, a minute later."""

    minutes = 0

    async def move(self, old: Checkpoint | None, new: Witnessed) -> bool:
        moved = await super().move(old, new)
        self.minutes += 1
        await super().move(new.checkpoint, Witnessed(checkpoint=HONEST.checkpoint(9), note=HONEST.note(9)))
        return moved


async def test_a_cosignature_has_a_time_at_which_its_head_was_the_largest() -> None:
    heads = Overtaken()
    witness = cosigner("peak", HONEST.key, heads=heads, now=lambda: START + timedelta(minutes=heads.minutes))
    answer = await witness.add_checkpoint(str(request_of(5)).encode())
    signed, _ = check_answer(parse_note(HONEST.note(5)), answer, witness.key, verify)
    assert signed.time == START.timestamp()


class SlowHeads(MemoryHeads):
    """Somebody else is always faster, once."""

    async def move(self, old: Checkpoint | None, new: Witnessed) -> bool:
        if old == HONEST.checkpoint(5):
            self.kept[HONEST.origin] = Witnessed(checkpoint=HONEST.checkpoint(9), note=HONEST.note(9))
            return False
        return await super().move(old, new)


async def test_who_loses_a_race_is_told_what_is_held_now_and_nothing_is_set_back() -> None:
    heads = SlowHeads()
    witness = cosigner("peak", HONEST.key, heads=heads)
    await witness.add_checkpoint(str(request_of(5)).encode())
    for request in (request_of(8, 5), request_of(5, 5)):
        with pytest.raises(LedgerRejected, match="wrong-old-size") as refused:
            await witness.add_checkpoint(str(request).encode())
        assert refused.value.parameters["stored_size"] == 9
    assert heads.kept[HONEST.origin].checkpoint == HONEST.checkpoint(9)


class Forgetful(MemoryHeads):
    """A planted bug: it moves a head wherever it was."""

    async def move(self, old: Checkpoint | None, new: Witnessed) -> bool:
        self.kept[new.checkpoint.origin] = new
        return True


async def raced(heads: MemoryHeads) -> int:
    """The size that is held after two requests were read at once and the larger was written first."""
    witness = cosigner("peak", HONEST.key, heads=heads)
    await witness.add_checkpoint(str(request_of(5)).encode())
    late = HONEST.checkpoint(5)
    await witness.add_checkpoint(str(request_of(9, 5)).encode())
    await heads.move(late, Witnessed(checkpoint=HONEST.checkpoint(8), note=HONEST.note(8)))
    return heads.kept[HONEST.origin].checkpoint.size


async def test_a_store_without_compare_and_swap_would_be_set_back() -> None:
    assert await raced(MemoryHeads()) == 9
    assert await raced(Forgetful()) == 8


WITNESS = cosigner("peak", HONEST.key)
NOTE = parse_note(HONEST.note(8))


def line(witness: Cosigner = WITNESS, checkpoint: Checkpoint | None = None, time: int = 7) -> str:
    note = cosign_checkpoint(checkpoint or HONEST.checkpoint(8), witness.key, witness.sign, time=time)
    return str(parse_note(note).signatures[0])


def test_a_witness_s_own_line_is_found_among_others() -> None:
    other = cosigner("other", HONEST.key)
    signed, found = check_answer(NOTE, line(other) + line(), WITNESS.key, verify)
    assert (signed.time, str(found)) == (7, line())


OWN = check_answer(NOTE, line(), WITNESS.key, verify)[1]
BAD_ANSWERS = {
    "nothing": "",
    "some text": "cosigned\n",
    "half a line": line()[:-9],
    "another text's": line(checkpoint=HONEST.checkpoint(7)),
    "a fork's": line(checkpoint=FORKED.checkpoint(8)),
    "another witness's": line(cosigner("other")),
    "another key under the same name": line(cosigner("peak", seed=3)),
    "an altered one": line()[:-9] + ("A" if line()[-9] != "A" else "B") + line()[-8:],
    "an altered time": str(replace(OWN, data=bytes(8) + OWN.data[8:])),
    "two of different times": line() + line(time=8),
    "a good one and a bad one": line() + line(checkpoint=HONEST.checkpoint(7)),
    "the log's own signature": str(NOTE.signatures[0]),
    "another note": HONEST.note(8),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_answer_without_a_good_cosignature_is_refused(name: str) -> None:
    with pytest.raises(LogInvalid):
        check_answer(NOTE, BAD_ANSWERS[name], WITNESS.key, verify)
