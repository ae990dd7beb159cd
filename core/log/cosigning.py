"""C2SP tlog-witness: what a log sends to a witness, by which rule a witness cosigns, and how its answer is checked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.log.checkpoints import Checkpoint, parse_checkpoint
from core.log.errors import LogInvalid, SignatureInvalid, WrongEmptyRoot
from core.log.merkle import HASH_SIZE
from core.log.notes import (
    Note,
    Signature,
    Signed,
    VerifierKey,
    Verify,
    check_signatures,
    decode64,
    encode64,
    parse_note,
)
from core.log.witness import LedgerRejected, Presented, Reason, WitnessedLog, malformed, rejected

MAX_REQUEST = 1 << 16
MAX_PROOF_LINES = 63

_OLD = re.compile(r"old (0|[1-9][0-9]{0,15})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """A checkpoint (signed note as text) for a witness, with the consistency proof from the size that it holds."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str

    def __str__(self) -> str:
        return "\n".join((f"old {self.old_size}", *map(encode64, self.proof), "", self.note))


class LogForked(LedgerRejected):
    """The log signed two checkpoints of one size: `notes`, the one that is held first, prove it to anybody."""

    def __init__(self, notes: tuple[str, str], **parameters: object) -> None:
        super().__init__(**parameters)
        self.notes = notes


def parse_request(body: bytes) -> AddCheckpoint:
    """Raises LedgerRejected (malformed) for anything but a request as tlog-witness lays it out."""
    if len(body) > MAX_REQUEST:
        raise malformed("a request that is too long")
    try:
        head, blank, note = body.decode().partition("\n\n")
        old, *lines = head.split("\n")
        size = _OLD.fullmatch(old)
        if not blank or size is None or len(lines) > MAX_PROOF_LINES:
            raise malformed("not an old size, at most 63 proof lines, an empty line and a checkpoint")
        proof = tuple(map(decode64, lines))
    except UnicodeDecodeError as error:
        raise malformed("not UTF-8") from error
    except LogInvalid as error:
        raise malformed(f"a proof line: {error.reason}") from error
    if any(len(each) != HASH_SIZE for each in proof):
        raise malformed("a proof line of another length than a hash")
    return AddCheckpoint(old_size=int(size[1]), proof=proof, note=note)


def brought(request: AddCheckpoint) -> Presented:
    """The checkpoint of a request, whatever its log is called; raises LedgerRejected (malformed or bad-proof)."""
    try:
        note = parse_note(request.note)
        return Presented(checkpoint=parse_checkpoint(note.text), note=note)
    except WrongEmptyRoot as error:
        raise rejected(Reason.BAD_PROOF) from error
    except LogInvalid as error:
        raise malformed(error.reason) from error


def followed(log: WitnessedLog, claim: Presented, old_size: int, proof: Sequence[bytes], verify: Verify) -> Checkpoint:
    """The head that a witness of `log` may cosign, in the order of tlog-witness's checks; else raises LedgerRejected.

    A checkpoint that it cosigned last may be cosigned again, since the answer may have been lost.
    """
    checkpoint = log.require_signed(claim, verify)
    if old_size > checkpoint.size:
        raise malformed("an old size beyond the checkpoint's")
    if old_size != log.size:
        raise log.rejected(Reason.WRONG_OLD_SIZE)
    if log.head is not None and checkpoint.size == log.size:
        log.require_held(checkpoint, log.head.root)
    log.extended(checkpoint, old_size, proof)
    return checkpoint


def check_answer(note: Note, answer: str, witness: VerifierKey, verify: Verify) -> tuple[Signed, Signature]:
    """The witness's own cosignature of the note's text among the lines that it answered; others are ignored.

    Raises MalformedNote for what are no signature lines, SignatureInvalid where its own is bad or missing.
    """
    lines = parse_note("\n".join((note.text, answer))).signatures
    own = tuple(each for each in lines if (each.name, each.key_id) == (witness.name, witness.id))
    if not own:
        others = ", ".join(dict.fromkeys(each.name for each in lines))
        raise SignatureInvalid(f"no line is of {witness.name} and its key; it answered as {others}")
    signed = check_signatures(Note(text=note.text, signatures=own), [witness], verify).signed
    if len(own) != 1:
        raise SignatureInvalid(f"{witness.name} signed twice")
    return signed[0], own[0]
