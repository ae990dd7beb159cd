"""What two organisations settle, as a ledger may hold it: a blinded pair, and commitments that both of it signed."""

from dataclasses import dataclass, replace

from core.log.notes import Verify
from core.log.witness import Reason, malformed, rejected
from shared.canonical import b64url, dumps

SETTLEMENT_TAG = "concordat/settlement/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Whose peers must endorse, the two Ed25519 keys made for this pair alone (32 bytes each), periods settled so far.

    `id` (32 bytes) is blinded: it says nothing of the two clubs to anybody else.
    """

    id: bytes
    organisations: tuple[str, str]
    keys: tuple[bytes, bytes]
    settled: int = 0

    def __post_init__(self) -> None:
        if self.keys[0] == self.keys[1]:
            raise malformed("one key for both of a pair")

    def require_same(self, other: "Pair") -> None:
        """Raises LedgerRejected (other-pair) unless that is the pair as it was opened."""
        if other != replace(self, settled=other.settled):
            raise rejected(Reason.OTHER_PAIR)

    def require_signed(self, period: str, commitment: bytes, signatures: tuple[bytes, bytes], verify: Verify) -> None:
        """Raises LedgerRejected (bad-signature) unless both keys, in their order, signed this."""
        message = settlement_message(self.id, period, commitment)
        if not all(verify(key, message, each) for key, each in zip(self.keys, signatures, strict=True)):
            raise rejected(Reason.BAD_SIGNATURE)

    def with_another_period(self) -> "Pair":
        return replace(self, settled=self.settled + 1)


def settlement_message(pair: bytes, period: str, commitment: bytes) -> bytes:
    """What both pair keys sign; the commitment (32 bytes) is a salted hash, and opens nothing."""
    body = dumps({"commitment": b64url(commitment), "pair": b64url(pair), "period": period})
    return b"\0".join((SETTLEMENT_TAG.encode(), body))
