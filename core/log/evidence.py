"""What a ledger says of a checkpoint or a settlement, and how far a verifier may rely on it, by the kind of ledger."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.log.checkpoints import Checkpoint, check_cosignatures, checkpoint_text
from core.log.errors import EvidenceInvalid, LogInvalid
from core.log.fabric.attested import (
    ATTESTED_READ,
    CheckEndorsement,
    Question,
    about_checkpoint,
    about_settlement,
    check_attested,
)
from core.log.notes import Verify, parse_note
from core.log.pairs import Settled
from core.log.trust import LedgerTrust
from shared.canonical import Json

LOCAL_WITNESS = "local-witness"


class Assurance(StrEnum):
    """Who stands behind a checkpoint beside the log: nobody else, a quorum of witnesses, or several organisations."""

    SELF = "self"
    WITNESSED = "witnessed"
    CONSORTIUM = "consortium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """How signatures are checked: Ed25519 of logs and witnesses, and X.509 endorsements of Fabric's peers."""

    ed25519: Verify
    endorsement: CheckEndorsement


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What good evidence gives: the assurance, and the ledger's own time, if it has one (POSIX seconds).

    `organisations` endorsed it with certificates that were all good from `good_from` to `good_until` (POSIX seconds);
    nobody's word without certificates.
    """

    assurance: Assurance
    at: int | None = None
    organisations: tuple[str, ...] = ()
    good_from: int | None = None
    good_until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What evidence has to vouch for: the text that an embedded ledger signs, and what is asked of a contract."""

    text: str
    question: Question


Check = Callable[[Mapping[str, Json], Claim, LedgerTrust, Signatures], Vouched]
"""Raises LogInvalid unless the evidence vouches for exactly this claim."""


def local_evidence(note: str) -> dict[str, Json]:
    """The embedded ledger's evidence: the note with its witness's cosignature, and no other, over what it holds."""
    return {"kind": LOCAL_WITNESS, "note": note}


def check_evidence(
    evidence: Mapping[str, Json], checkpoint: Checkpoint, trust: LedgerTrust, signatures: Signatures
) -> Vouched:
    """What the evidence gives by itself; raises EvidenceInvalid unless it vouches for exactly this checkpoint."""
    claim = Claim(text=checkpoint_text(checkpoint), question=about_checkpoint(checkpoint))
    return _checked(evidence, claim, trust, signatures)


def check_settled(
    evidence: Mapping[str, Json], settled: Settled, trust: LedgerTrust, signatures: Signatures
) -> Vouched:
    """The same for a settlement."""
    claim = Claim(text=settled.text, question=about_settlement(settled))
    return _checked(evidence, claim, trust, signatures)


def _checked(evidence: Mapping[str, Json], claim: Claim, trust: LedgerTrust, signatures: Signatures) -> Vouched:
    kind = evidence.get("kind")
    check = _KINDS.get(kind) if isinstance(kind, str) else None
    if check is None:
        raise EvidenceInvalid("of a kind that this version does not know")
    try:
        return check(evidence, claim, trust, signatures)
    except EvidenceInvalid:
        raise
    except LogInvalid as error:
        raise EvidenceInvalid(error.reason) from error


def _check_local(evidence: Mapping[str, Json], claim: Claim, trust: LedgerTrust, signatures: Signatures) -> Vouched:
    text = evidence.get("note")
    if evidence.keys() != {"kind", "note"} or not isinstance(text, str):
        raise EvidenceInvalid("not a kind and a note")
    note = parse_note(text)
    if note.text != claim.text:
        raise EvidenceInvalid("the ledger holds something else")
    signed = check_cosignatures(note, trust.witnesses, signatures.ed25519)
    if not signed or len(signed) != len(note.signatures):
        raise EvidenceInvalid("not signed by a known key of the ledger, and by it alone")
    return Vouched(assurance=Assurance.SELF, at=signed[0].time)


def _check_fabric(evidence: Mapping[str, Json], claim: Claim, trust: LedgerTrust, signatures: Signatures) -> Vouched:
    attested = check_attested(evidence, claim.question, trust, signatures.endorsement)
    return Vouched(
        assurance=Assurance.CONSORTIUM,
        organisations=attested.organisations,
        good_from=attested.not_before,
        good_until=attested.not_after,
    )


_KINDS: Mapping[str, Check] = {LOCAL_WITNESS: _check_local, ATTESTED_READ: _check_fabric}
