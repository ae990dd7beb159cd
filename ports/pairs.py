"""Where pairs of clubs settle: a ledger that holds one commitment for a pair's period, signed by both, for ever."""

from typing import Protocol

from core.log.pairs import Pair, Settled, Signed
from core.log.witness import LedgerRejected

__all__ = ["LedgerRejected", "Pair", "Pairs", "Settled", "Signed"]


class Pairs(Protocol):
    """MUST hold at most one commitment per (pair, period), and MUST be idempotent on (pair, period, commitment).

    What returns without an error MUST survive a crash. Every method raises LedgerBusy, LedgerUnavailable, CommitUnknown
    as ports.ledger has them; a retry is safe. Nothing that is handed over here but ids, keys, commitments and
    signatures may reach anybody else: `origins` are looked up, and MUST NOT be stored or sent.
    """

    async def open(self, pair: bytes, keys: tuple[bytes, bytes], origins: tuple[str, str]) -> Pair:
        """The pair as the ledger holds it, opened now or before, and looked at before anybody uses it.

        `pair` (32 bytes) is blinded, `keys` are Ed25519 (32 bytes each), `origins` name the logs of both clubs, whose
        organisations have to endorse what the pair settles. Raises LedgerRejected: other-pair where it was opened with
        other keys or organisations, unknown-origin, not-allowed where neither organisation is the caller's.
        """

    async def settle(self, signed: Signed) -> None:
        """Hold it; raises LedgerRejected: unknown-pair, bad-signature, settled (with another commitment)."""

    async def settled(self, pair: bytes, period: str) -> Settled | None:
        """What is held for this period."""

    async def evidence(self, settled: Settled) -> dict[str, object] | None:
        """What proves offline that the ledger holds this, as canonical JSON; None when it does not."""
