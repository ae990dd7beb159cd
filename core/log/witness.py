"""What a ledger takes and what it refuses: one rule book for the embedded ledger and for the contract on Fabric.

Nothing here reads or stores. Whoever holds the state asks, and stores what these decisions return.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from core.log.checkpoints import Checkpoint, parse_checkpoint, verify_extension
from core.log.errors import LogInvalid, ProofInvalid, SignatureInvalid
from core.log.merkle import MAX_SIZE, verify_consistency
from core.log.notes import Algorithm, Note, VerifierKey, Verify, check_signatures, parse_key, parse_note
from core.log.origins import parse_origin
from core.log.trust import KeyRange
from shared.canonical import dumps
from shared.errors import Conflict

ROTATION_TAG = "concordat/key-rotation/v1"


class Reason(StrEnum):
    """Why a ledger refuses; the words are what clients compare, and never change."""

    MALFORMED = "malformed"
    UNKNOWN_ORIGIN = "unknown-origin"
    BAD_SIGNATURE = "bad-signature"
    BAD_PROOF = "bad-proof"
    STALE = "stale"
    FORK = "fork"
    WRONG_OLD_SIZE = "wrong-old-size"
    OTHER_KEY = "other-key"
    FROZEN = "frozen"
    NO_FORK = "no-fork"
    WRONG_SIZE = "wrong-size"
    NOT_ALLOWED = "not-allowed"
    NOT_HELD = "not-held"
    UNKNOWN_PAIR = "unknown-pair"
    OTHER_PAIR = "other-pair"
    SETTLED = "settled"


class LedgerRejected(Conflict):
    """The ledger will never take this. Parameters: reason, origin, stored_size; detail where it is malformed.

    Of a checkpoint: unknown-origin, bad-signature, bad-proof, stale (older than the head), fork (a held size, another
    root), wrong-old-size, malformed, frozen (two signed checkpoints of the log contradict each other). Of a key:
    other-key (registered with another, or had this one before), wrong-size (it must begin beyond the head). The rest
    only a contract says: no-fork, not-allowed, not-held, unknown-pair, other-pair, settled.
    """

    code = "ledger/rejected"
    title = "The ledger refused this."


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A checkpoint that somebody brought, with its signatures, none of them checked."""

    checkpoint: Checkpoint
    note: Note


def presented(note: str) -> Presented:
    """Raises LedgerRejected (malformed) for any other text than a signed checkpoint."""
    try:
        parsed = parse_note(note)
        checkpoint = parse_checkpoint(parsed.text)
        parse_origin(checkpoint.origin)
        return Presented(checkpoint=checkpoint, note=parsed)
    except LogInvalid as error:
        raise malformed(error.reason) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedLog:
    """What a ledger remembers of a log: its keys with their ranges, the newest checkpoint, whether it forked."""

    origin: str
    keys: tuple[KeyRange, ...]
    head: Checkpoint | None = None
    frozen: bool = False

    @property
    def size(self) -> int:
        """Leaves of the newest checkpoint, 0 before the first."""
        return 0 if self.head is None else self.head.size

    def require_key(self, verifier_key: str) -> None:
        """Raises LedgerRejected (other-key) unless the log was registered with this key, whatever follows it now."""
        if str(self.keys[0].key) != verifier_key:
            raise self.rejected(Reason.OTHER_KEY)

    def require_signed(self, claim: Presented, verify: Verify) -> Checkpoint:
        """The checkpoint, signed with the key that is good for its size; else raises LedgerRejected."""
        own = claim.checkpoint.origin == self.origin
        good = [each.key for each in self.keys if own and each.covers(claim.checkpoint.size)]
        try:
            check_signatures(claim.note, good, verify)
        except SignatureInvalid as error:
            raise self.rejected(Reason.BAD_SIGNATURE) from error
        return claim.checkpoint

    def has_passed(self, checkpoint: Checkpoint) -> bool:
        """Is this size behind the head, so that only the very checkpoint that is held there can be right?"""
        return self.head is not None and checkpoint.size <= self.head.size

    def require_held(self, checkpoint: Checkpoint, root: bytes | None) -> None:
        """Raises LedgerRejected unless `root` is held at this size and the same: then sending it again is harmless."""
        if root is None:
            raise self.rejected(Reason.STALE)
        if root != checkpoint.root:
            raise self.rejected(Reason.FORK)

    def extended(self, checkpoint: Checkpoint, old_size: int, proof: Sequence[bytes]) -> "WitnessedLog":
        """The log with this head; raises LedgerRejected unless it is proven to follow the one that is held."""
        if self.frozen:
            raise self.rejected(Reason.FROZEN)
        if old_size != self.size:
            raise self.rejected(Reason.WRONG_OLD_SIZE)
        try:
            verify_extension(self.head, checkpoint, proof)
        except ProofInvalid as error:
            raise self.rejected(Reason.BAD_PROOF) from error
        return replace(self, head=checkpoint)

    def forked(
        self, older: Presented, newer: Presented, root: bytes, proof: Sequence[bytes], verify: Verify
    ) -> "WitnessedLog":
        """The log frozen, since two checkpoints of its own exclude each other; else raises LedgerRejected.

        `root` is the one that the newer tree has at the older size, which `proof` shows: another than the older
        checkpoint says. At the same size it is the newer checkpoint's own, and there is nothing to prove.
        """
        first, second = self.require_signed(older, verify), self.require_signed(newer, verify)
        if root == first.root:
            raise self.rejected(Reason.NO_FORK)
        try:
            verify_consistency(first.size, root, second.size, second.root, proof)
        except ProofInvalid as error:
            raise self.rejected(Reason.BAD_PROOF) from error
        return replace(self, frozen=True)

    def rotated(self, size: int, verifier_key: str, signatures: tuple[bytes, bytes], verify: Verify) -> "WitnessedLog":
        """The log whose checkpoints of `size` leaves and more need this key; the same if that was decided before.

        Raises LedgerRejected. `signatures` are the present key's and the new one's, over `rotation_message`.
        """
        new, last = _key_of(self.origin, verifier_key), self.keys[-1]
        if self.frozen:
            raise self.rejected(Reason.FROZEN)
        if (last.key, last.from_size) == (new, size):
            return self
        if new in (each.key for each in self.keys):
            # A key that was left may be in other hands by now.
            raise self.rejected(Reason.OTHER_KEY)
        if not max(self.size, last.from_size) < size <= MAX_SIZE:
            raise self.rejected(Reason.WRONG_SIZE)
        message = rotation_message(self.origin, size, last.key, new)
        for key, signature in zip((last.key, new), signatures, strict=True):
            if not verify(key.public, message, signature):
                raise self.rejected(Reason.BAD_SIGNATURE)
        return replace(self, keys=(*self.keys[:-1], replace(last, until_size=size), KeyRange(key=new, from_size=size)))

    def rejected(self, reason: Reason) -> LedgerRejected:
        """The refusal, with what is held of this log."""
        return LedgerRejected(reason=reason.value, origin=self.origin, stored_size=self.size)


def registered(origin: str, verifier_key: str) -> WitnessedLog:
    """A log that nobody knew before; raises LedgerRejected (malformed) where that is no name, or no key of it."""
    try:
        parse_origin(origin)
    except LogInvalid as error:
        raise malformed(error.reason) from error
    return WitnessedLog(origin=origin, keys=(KeyRange(key=_key_of(origin, verifier_key)),))


def rotation_message(origin: str, size: int, old: VerifierKey, new: VerifierKey) -> bytes:
    """What both keys sign so that `new` takes over from `old` for checkpoints of `size` leaves and more."""
    body = dumps({"new": str(new), "old": str(old), "origin": origin, "size": size})
    return b"\0".join((ROTATION_TAG.encode(), body))


def malformed(detail: str) -> LedgerRejected:
    """The refusal of what cannot be read; `detail` says what is wrong with it."""
    return LedgerRejected(reason=Reason.MALFORMED.value, origin=None, stored_size=0, detail=detail)


def rejected(reason: Reason) -> LedgerRejected:
    """A refusal that concerns no log."""
    return LedgerRejected(reason=reason.value, origin=None, stored_size=0)


def unknown_origin(origin: str) -> LedgerRejected:
    """The refusal of a log that nobody registered."""
    return LedgerRejected(reason=Reason.UNKNOWN_ORIGIN.value, origin=origin, stored_size=0)


def _key_of(origin: str, verifier_key: str) -> VerifierKey:
    try:
        key = parse_key(verifier_key)
    except LogInvalid as error:
        raise malformed(error.reason) from error
    if key.name != origin or key.algorithm is not Algorithm.ED25519:
        raise malformed("a key that is not the log's")
    return key
