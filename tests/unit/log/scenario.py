"""One deterministic scenario with fixed keys: a check-in recorded in two logs, its receipts, and the trust bundle."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Annotated, ClassVar
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from adapters.outbound.x509 import check_endorsement
from core.log.checkpoints import Checkpoint, cosign_checkpoint, sign_checkpoint
from core.log.disclosures import Disclosure, disclose
from core.log.evidence import Signatures, local_evidence
from core.log.notes import Algorithm, VerifierKey, join_notes
from core.log.receipts import Receipt, make_receipt
from core.log.records import build_records, commitment, leaf_of
from core.log.sealing import Sealed
from core.log.tiles import append, inclusion_from_tiles
from core.log.trust import KeyRange, LedgerTrust, TrustBundle
from shared.canonical import Json
from shared.events import Aggregate, Event, Personal

HARBOUR, SUMMIT = "clubs.example/harbour/1", "clubs.example/summit/1"
HARBOUR_ID = UUID("01960000-0000-7000-8000-000000000001")
SUMMIT_ID = UUID("01960000-0000-7000-8000-000000000002")
MEMBER_ID = UUID("01960000-0000-7000-8000-000000000003")
VISIT_ID = UUID("01960000-0000-7000-8000-000000000004")
GUEST_ID = UUID("01960000-0000-7000-8000-000000000005")
EVENT_ID = UUID("01960000-0000-7000-8000-000000000006")
CHECKED_IN_AT = datetime(2026, 3, 12, 18, 4, 5, 678901, tzinfo=UTC)
ANCHORED_AT = 1_773_338_660
INDEX, SIZE = 270, 300


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


SIGNATURES = Signatures(ed25519=verify, endorsement=check_endorsement)


class Signer:
    """A named key whose seed is the hash of its name."""

    def __init__(self, name: str, algorithm: Algorithm = Algorithm.ED25519, *, seed: str = "") -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(sha256((seed or name).encode()).digest())
        public = self._private.public_key().public_bytes_raw()
        self.key = VerifierKey(name=name, public=public, algorithm=algorithm)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


LOG = Signer(HARBOUR)
OLD_LOG = Signer(HARBOUR, seed="retired")
LEDGER = Signer("clubs.example/ledger", Algorithm.COSIGNATURE)
WITNESS_1 = Signer("witness.example/w1", Algorithm.COSIGNATURE)
WITNESS_2 = Signer("witness.example/w2", Algorithm.COSIGNATURE)
STRANGER = Signer("stranger.example/w9", Algorithm.COSIGNATURE)
POLICY = f"""# two operators, one of them is enough
witness first {WITNESS_1.key}
witness second {WITNESS_2.key}
group operators any first second
quorum operators
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit(Aggregate):
    kind: ClassVar[str] = "visit"

    state: str
    reference: str
    member: UUID
    member_name: Annotated[str, Personal("member")]
    guest: UUID
    guest_name: Annotated[str | None, Personal("guest")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitCheckedIn(Event):
    type: ClassVar[str] = "clubs.visit_checked_in"

    visit: Visit
    desk: str
    member: UUID
    note: Annotated[str, Personal("member")]

    @property
    def parties(self) -> tuple[UUID, ...]:
        return SUMMIT_ID, HARBOUR_ID


EVENT = VisitCheckedIn(
    visit=Visit(
        id=VISIT_ID,
        version=7,
        state="checked_in",
        reference="H-7Q2M",
        member=MEMBER_ID,
        member_name="Ana Lóránt",
        guest=GUEST_ID,
        guest_name="Øyvind Ng",
    ),
    desk="north",
    member=MEMBER_ID,
    note="arrived with one guest",
)


def subject_key(subject: object) -> bytes:
    return sha256(f"key of {subject}".encode()).digest()


@dataclass
class Sealer:
    """The digest callable of a recorder: derives each salt from the subject's key and keeps the disclosure."""

    origin: str = SUMMIT
    event_id: UUID = EVENT_ID
    kept: list[tuple[Sealed, Disclosure]] = field(default_factory=list)

    def __call__(self, sealed: Sealed) -> str:
        disclosure = disclose(
            key=subject_key(sealed.subject),
            origin=self.origin,
            event_id=str(self.event_id),
            pointer=sealed.pointer,
            value=sealed.value,
        )
        self.kept.append((sealed, disclosure))
        return disclosure.digest


class Scenario:
    """The check-in, recorded at leaf 270 of Harbour's log of 300 leaves, signed, witnessed and anchored."""

    salt = sha256(b"salt of Harbour's record").digest()
    other_salt = sha256(b"salt of Summit's record").digest()

    @cached_property
    def recorded(self) -> tuple[Sealer, bytes, bytes]:
        sealer = Sealer()
        harbour, summit = build_records(
            EVENT,
            logs=(HARBOUR, SUMMIT),
            event_id=EVENT_ID,
            at=CHECKED_IN_AT,
            actor="staff:01960000-0000-7000-8000-000000000007",
            req="0af7651916cd43dd8448eb211c80319c",
            digest=sealer,
        )
        return sealer, harbour, summit

    @property
    def record(self) -> bytes:
        return self.recorded[1]

    @property
    def disclosures(self) -> list[Disclosure]:
        return [disclosure for _, disclosure in self.recorded[0].kept]

    @cached_property
    def leaves(self) -> list[bytes]:
        leaves = [leaf_of(sha256(b"leaf %d" % index).digest()) for index in range(SIZE)]
        leaves[INDEX] = leaf_of(commitment(self.salt, self.record))
        return leaves

    @cached_property
    def tree(self) -> tuple[Checkpoint, tuple[bytes, ...]]:
        grown = append(0, {}, self.leaves)
        hashes = inclusion_from_tiles(INDEX, SIZE, lambda level, index: grown.tiles[level, index])
        return Checkpoint(origin=HARBOUR, size=SIZE, root=grown.root), hashes

    @property
    def checkpoint(self) -> Checkpoint:
        return self.tree[0]

    def signed(self, signer: Signer = LOG) -> str:
        return sign_checkpoint(self.checkpoint, signer.key, signer.sign)

    def cosigned(self, signer: Signer) -> str:
        return cosign_checkpoint(self.checkpoint, signer.key, signer.sign, time=ANCHORED_AT)

    def witnessed(self) -> str:
        return join_notes(self.signed(), *map(self.cosigned, (WITNESS_1, WITNESS_2, STRANGER)))

    def receipt(
        self,
        *,
        note: str | None = None,
        disclosures: list[Disclosure] | None = None,
        evidence: Mapping[str, Json] | None = None,
        index: int = INDEX,
    ) -> Receipt:
        return make_receipt(
            record=self.record,
            salt=self.salt,
            disclosures=self.disclosures if disclosures is None else disclosures,
            evidence=evidence,
            index=index,
            hashes=self.tree[1],
            checkpoint=note or self.signed(),
        )

    def anchored(self, note: str | None = None, disclosures: list[Disclosure] | None = None) -> Receipt:
        evidence = local_evidence(self.cosigned(LEDGER))
        return self.receipt(note=note or self.witnessed(), disclosures=disclosures, evidence=evidence)

    def bundle(self, policy: str = POLICY) -> TrustBundle:
        return TrustBundle(
            logs={
                HARBOUR: (
                    KeyRange(key=OLD_LOG.key, from_size=0, until_size=200),
                    KeyRange(key=LOG.key, from_size=200, until_size=None),
                ),
                SUMMIT: (KeyRange(key=Signer(SUMMIT).key),),
            },
            policy=policy,
            ledger=LedgerTrust(witnesses=(LEDGER.key,)),
        )


SCENARIO = Scenario()
