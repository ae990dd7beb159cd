"""What a settlement commits to, and how it is opened: the Merkle root over a pair's visit commitments, and their count.

On the ledger stands the salted hash alone; who has an opening can prove offline that a visit is among what was settled.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.log.errors import LogInvalid, MalformedSettlement, ProofInvalid, SignatureInvalid
from core.log.evidence import Signatures, Vouched, check_settled
from core.log.merkle import HASH_SIZE, inclusion_proof, leaf_hash, root, verify_inclusion
from core.log.notes import SIGNATURE_SIZE
from core.log.pairs import Settled
from core.log.trust import LedgerTrust
from shared.canonical import Json, NotCanonical, b64url, dumps, loads, tagged_hash, unb64url

OPENING_TAG = "concordat/settlement-opening/v1"
PAIR_TAG, SALT_TAG = b"concordat/pair/v1\0", b"concordat/settlement-salt/v1\0"
KIND, VERSION = "concordat/settlement-proof", 1
MOST_BYTES = 1 << 20
_MEANT = re.compile(rb'"kind"\s*:\s*"%s"' % KIND.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a settlement's commitment is made of; `root` (32 bytes) is the RFC 6962 root over sorted commitments."""

    pair: bytes
    period: str
    root: bytes
    count: int
    salt: bytes = field(repr=False)

    @property
    def commitment(self) -> bytes:
        """32 bytes that say nothing to whoever lacks the salt."""
        pair, root_text = b64url(self.pair), b64url(self.root)
        body = dumps({"count": self.count, "pair": pair, "period": self.period, "root": root_text})
        return tagged_hash(OPENING_TAG, self.salt, body)

    @property
    def settled(self) -> Settled:
        """The same as the ledger holds it."""
        return Settled(pair=self.pair, period=self.period, commitment=self.commitment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blinding:
    """A pair's secret (32 random bytes, made for it alone): without it, neither id nor salt can be guessed or tested.

    `clubs` are the ids of both, in their order.
    """

    secret: bytes = field(repr=False)
    clubs: tuple[bytes, bytes]

    @property
    def pair(self) -> bytes:
        """The pair's id on the ledger, 32 bytes."""
        return hmac.digest(self.secret, PAIR_TAG + b"".join(self.clubs), "sha256")

    def opening(self, period: str, commitments: Iterable[bytes]) -> Opening:
        """The same whenever it is made of the same visits, so that settling again changes nothing."""
        leaves = _sorted(commitments)
        salt = hmac.digest(self.secret, SALT_TAG + period.encode(), "sha256")
        return Opening(pair=self.pair, period=period, root=root(map(leaf_hash, leaves)), count=len(leaves), salt=salt)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementProof:
    """That a visit is among those that a pair settled: opening, both signatures, inclusion, the ledger's evidence."""

    opening: Opening
    keys: tuple[bytes, bytes]
    signatures: tuple[bytes, bytes]
    visit: bytes
    index: int
    hashes: tuple[bytes, ...]
    evidence: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementChecked:
    """What checking a proof gave: the step that failed and why, or what is proven and who stands behind it."""

    step: str | None = None
    reason: str | None = None
    proof: SettlementProof | None = None
    vouched: Vouched | None = None


def prove(
    opening: Opening,
    commitments: Iterable[bytes],
    visit: bytes,
    *,
    keys: tuple[bytes, bytes],
    signatures: tuple[bytes, bytes],
    evidence: Mapping[str, Json],
) -> SettlementProof:
    """Raises ProofInvalid where the visit is not among these, or they are not what the opening is of."""
    leaves = _sorted(commitments)
    hashes = [leaf_hash(each) for each in leaves]
    if visit not in leaves or (root(hashes), len(leaves)) != (opening.root, opening.count):
        raise ProofInvalid("the visit is not among those that were settled")
    index = leaves.index(visit)
    path = inclusion_proof(index, len(leaves), lambda level, at: root(hashes[at << level : (at + 1) << level]))
    return SettlementProof(
        opening=opening,
        keys=keys,
        signatures=signatures,
        visit=visit,
        index=index,
        hashes=path,
        evidence=evidence,
    )


def write_proof(proof: SettlementProof) -> bytes:
    """Canonical JSON, which `parse_proof` reads."""
    opening = proof.opening
    return dumps(
        {
            "kind": KIND,
            "v": VERSION,
            "pair": b64url(opening.pair),
            "period": opening.period,
            "root": b64url(opening.root),
            "count": opening.count,
            "salt": b64url(opening.salt),
            "keys": list[Json](map(b64url, proof.keys)),
            "signatures": list[Json](map(b64url, proof.signatures)),
            "visit": b64url(proof.visit),
            "index": proof.index,
            "hashes": list[Json](map(b64url, proof.hashes)),
            "evidence": dict(proof.evidence),
        }
    )


def is_proof(data: bytes) -> bool:
    """Whether somebody meant this to be a proof of a settlement, in whichever spelling, and not a receipt."""
    return _MEANT.search(data) is not None


def parse_proof(data: bytes) -> SettlementProof:
    """Nothing of it is checked; raises MalformedSettlement."""
    if len(data) > MOST_BYTES:
        raise MalformedSettlement("too long")
    try:
        return _parsed(loads(data))
    except NotCanonical as error:
        raise MalformedSettlement(str(error.parameters["reason"])) from error


def check_proof(data: bytes, trust: LedgerTrust, signatures: Signatures) -> SettlementChecked:
    """Checks everything but whose the keys are, which the two clubs know: they are made for the pair and sign alone."""
    step = "format"
    try:
        proof = parse_proof(data)
        opening, step = proof.opening, "inclusion"
        verify_inclusion(leaf_hash(proof.visit), proof.index, opening.count, proof.hashes, opening.root)
        step = "signatures"
        _require_signed(proof, signatures)
        step = "evidence"
        vouched = check_settled(proof.evidence, opening.settled, trust, signatures)
    except LogInvalid as error:
        return SettlementChecked(step=step, reason=error.reason)
    return SettlementChecked(proof=proof, vouched=vouched)


def _require_signed(proof: SettlementProof, signatures: Signatures) -> None:
    message = proof.opening.settled.message
    pairs = zip(proof.keys, proof.signatures, strict=True)
    if proof.keys[0] == proof.keys[1] or not all(signatures.ed25519(key, message, each) for key, each in pairs):
        raise SignatureInvalid("not signed by two keys of a pair")


def _sorted(commitments: Iterable[bytes]) -> list[bytes]:
    return sorted(set(commitments))


def _parsed(value: Json) -> SettlementProof:
    match value:
        case {
            "kind": "concordat/settlement-proof",
            "v": 1,
            "pair": str(pair),
            "period": str(period),
            "root": str(root_text),
            "count": int(count),
            "salt": str(salt),
            "keys": [str(one_key), str(other_key)],
            "signatures": [str(one), str(other)],
            "visit": str(visit),
            "index": int(index),
            "hashes": list(hashes),
            "evidence": dict(evidence),
            **others,
        } if not others:
            opening = Opening(pair=_bytes(pair), period=period, root=_bytes(root_text), count=count, salt=_bytes(salt))
            return SettlementProof(
                opening=opening,
                keys=(_bytes(one_key), _bytes(other_key)),
                signatures=(_bytes(one, SIGNATURE_SIZE), _bytes(other, SIGNATURE_SIZE)),
                visit=_bytes(visit),
                index=index,
                hashes=tuple(map(_bytes, hashes)),
                evidence=evidence,
            )
    raise MalformedSettlement("not the members of a proof of version 1")


def _bytes(text: Json, size: int = HASH_SIZE) -> bytes:
    data = unb64url(text) if isinstance(text, str) and text.isascii() else b""
    if len(data) != size:
        raise MalformedSettlement(f"something is not {size} bytes long")
    return data
