"""What two organisations settle, as a ledger may hold it: a blinded pair, and commitments that both of it signed."""

from dataclasses import dataclass, replace

from core.log.notes import Verify
from core.log.witness import Reason, malformed, rejected
from shared.canonical import b64url, dumps

SETTLEMENT_TAG = "concordat/settlement/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a ledger holds of a pair's period: a salted hash (32 bytes), which opens nothing by itself."""

    pair: bytes
    period: str
    commitment: bytes

    @property
    def key(self) -> str:
        """Where the contract keeps it; it is written once and never again."""
        return f"pair/{b64url(self.pair)}/{self.period}"

    @property
    def answer(self) -> bytes:
        """What the contract answers to `Settlement`: the answer says itself what it is about."""
        return dumps({"commitment": b64url(self.commitment), "pair": b64url(self.pair), "period": self.period})

    @property
    def message(self) -> bytes:
        """What both pair keys sign."""
        return b"\0".join((SETTLEMENT_TAG.encode(), self.answer))

    @property
    def text(self) -> str:
        """What the embedded ledger's witness signs; no size stands where one would stand in a checkpoint."""
        return f"{SETTLEMENT_TAG}\n{self.period}\n{b64url(self.pair)}\n{b64url(self.commitment)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A settlement with the signatures of both of a pair, in the order of its keys."""

    settled: Settled
    signatures: tuple[bytes, bytes]


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

    def require_signed(self, signed: Signed, verify: Verify) -> None:
        """Raises LedgerRejected (bad-signature) unless both keys, in their order, signed this."""
        signatures = zip(self.keys, signed.signatures, strict=True)
        if not all(verify(key, signed.settled.message, each) for key, each in signatures):
            raise rejected(Reason.BAD_SIGNATURE)

    def require_new(self, settlement: Settled, held: bytes | None) -> bool:
        """Is it new? What is held already may come again; raises LedgerRejected (settled) for any other commitment."""
        if held is not None and held != settlement.commitment:
            raise rejected(Reason.SETTLED)
        return held is None

    def with_another_period(self) -> "Pair":
        return replace(self, settled=self.settled + 1)
