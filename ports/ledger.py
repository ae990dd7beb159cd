"""The ledger that anchors log heads: it refuses a checkpoint that is not proven to extend the last one it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.log.trust import KeyRange
from core.log.witness import LedgerRejected
from shared.errors import Busy, Unavailable

__all__ = [
    "Anchored",
    "CommitUnknown",
    "Ledger",
    "LedgerBusy",
    "LedgerHead",
    "LedgerRejected",
    "LedgerUnavailable",
    "Submission",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHead:
    """The newest checkpoint that the ledger holds for an origin: leaves, RFC 6962 root (32 bytes)."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A signed checkpoint (signed note text) with the RFC 6962 consistency proof from `old_size` (empty from 0)."""

    checkpoint: str
    old_size: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """The ledger's own word that it holds this checkpoint, durably."""

    origin: str
    size: int


class LedgerBusy(Busy):
    """The ledger cannot take it now; a retry is safe."""

    code = "ledger/busy"
    title = "The ledger is busy."


class LedgerUnavailable(Unavailable):
    """The ledger does not answer, or another worker holds it."""

    code = "ledger/unavailable"
    title = "The ledger does not answer."


class CommitUnknown(Unavailable):
    """Submitted, outcome unknown: settle it by asking, never by a new transaction. Parameter: tx_id."""

    code = "ledger/commit-unknown"
    title = "The ledger has not said whether it committed."


class Ledger(Protocol):
    """MUST hold at most one root per (origin, size), and MUST be idempotent on (origin, size, root).

    One bad submission MUST NOT sink the others of its batch. What `submit` answers as Anchored MUST survive a crash.
    """

    async def head(self, origin: str) -> LedgerHead | None:
        """The newest checkpoint held; None before the first."""

    async def origins(self) -> Sequence[str]:
        """The logs that are registered, in order."""

    async def keys(self, origin: str) -> Sequence[KeyRange]:
        """The keys with which it verifies a log's checkpoints, oldest first; none for a log that is not registered."""

    async def register(self, origin: str, verifier_key: str) -> None:
        """Make an origin known with its key (`name+hash+base64`); again with the same key is a no-op, else rejected."""

    async def rotate(self, origin: str, size: int, verifier_key: str, signatures: tuple[bytes, bytes]) -> None:
        """Let another key sign checkpoints of `size` leaves and more: once told, durable, and again a no-op.

        `signatures` (64 bytes each) are the present key's and the new one's over `core.log.witness.rotation_message`.
        Raises LedgerRejected: unknown-origin, malformed, bad-signature, other-key (the log had this one before),
        wrong-size (not beyond the head), frozen, not-allowed (not the owner); and what `submit` raises.
        """

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Anchored | LedgerRejected]:
        """One answer per submission, in order. Raises LedgerBusy, LedgerUnavailable, CommitUnknown."""

    async def evidence(self, origin: str, size: int) -> dict[str, object] | None:
        """What proves offline that the ledger holds this checkpoint, as canonical JSON; None when it does not."""

    async def trust(self) -> dict[str, object]:
        """What a verifier must know to believe the evidence: the ledger's part of the trust bundle."""

    async def check(self) -> None:
        """Raises LedgerUnavailable when it does not answer."""
