"""C2SP checkpoints: a log's origin, size and root in a note signed by the log's key, and cosignatures of it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.log.errors import MalformedCheckpoint, MalformedNote, ProofInvalid, WrongEmptyRoot
from core.log.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, verify_consistency
from core.log.notes import (
    Algorithm,
    Note,
    Sign,
    Signed,
    VerifierKey,
    Verify,
    check_signatures,
    decode64,
    encode64,
    parse_note,
    sign_note,
)

_SIZE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The head of a log: `size` leaves under `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or "\n" in self.origin or not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_SIZE:
            raise MalformedCheckpoint("origin, size or root out of range")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise WrongEmptyRoot("an empty log has one root")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint whose signatures were checked: those of the log's keys, and of the witnesses that were known."""

    checkpoint: Checkpoint
    keys: tuple[VerifierKey, ...]
    cosigned: tuple[Signed, ...]
    note: Note


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """The three lines that are signed."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{encode64(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text; raises MalformedCheckpoint, for extension lines too."""
    lines = text.split("\n")
    if len(lines) != _LINES + 1 or lines[-1]:
        raise MalformedCheckpoint("not three lines")
    origin, size, root = lines[:_LINES]
    if _SIZE.fullmatch(size) is None:
        raise MalformedCheckpoint("the size is not a decimal number")
    try:
        return Checkpoint(origin=origin, size=int(size), root=decode64(root))
    except MalformedNote as error:
        raise MalformedCheckpoint("the root is not base64") from error


def sign_checkpoint(checkpoint: Checkpoint, key: VerifierKey, sign: Sign) -> str:
    """The signed note; the key's name is the origin."""
    if key.name != checkpoint.origin or key.algorithm is not Algorithm.ED25519:
        raise MalformedCheckpoint("the key is not the log's")
    return str(sign_note(checkpoint_text(checkpoint), key, sign))


def open_checkpoint(
    note: str, keys: Iterable[VerifierKey], verify: Verify, witnesses: Iterable[VerifierKey] = ()
) -> SignedCheckpoint:
    """A checkpoint signed by one of the log's `keys`, with the cosignatures of known witnesses.

    Raises MalformedNote, MalformedCheckpoint or SignatureInvalid; the key's name must be the checkpoint's origin.
    """
    parsed = parse_note(note)
    checkpoint = parse_checkpoint(parsed.text)
    own = [key for key in keys if key.name == checkpoint.origin and key.algorithm is Algorithm.ED25519]
    log = check_signatures(parsed, own, verify)
    cosigned = check_cosignatures(parsed, witnesses, verify)
    return SignedCheckpoint(
        checkpoint=checkpoint, keys=tuple(each.key for each in log.signed), cosigned=cosigned, note=parsed
    )


def cosign_checkpoint(checkpoint: Checkpoint, key: VerifierKey, sign: Sign, *, time: int) -> str:
    """A witness's statement that, as of `time` (POSIX seconds), this is the largest consistent head it has seen.

    The note carries this one signature; `join_notes` adds it to the log's own.
    """
    return str(sign_note(checkpoint_text(checkpoint), key, sign, time=time))


def verify_extension(old: Checkpoint | None, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Raises ProofInvalid unless `new` is proven to extend `old`; from nothing or an empty log no proof is due."""
    if old is not None and old.origin != new.origin:
        raise ProofInvalid("another log")
    if old is not None and old.size:
        verify_consistency(old.size, old.root, new.size, new.root, proof)
    elif proof:
        raise ProofInvalid("proof is too long")


def check_cosignatures(note: Note, witnesses: Iterable[VerifierKey], verify: Verify) -> tuple[Signed, ...]:
    """The good cosignatures of known witnesses, possibly none; raises SignatureInvalid for a bad one."""
    known = [key for key in witnesses if key.algorithm is Algorithm.COSIGNATURE]
    names = {(key.name, key.id) for key in known}
    if not any((signature.name, signature.key_id) in names for signature in note.signatures):
        return ()
    return check_signatures(note, known, verify).signed
