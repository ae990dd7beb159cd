"""Ledger evidence: what a ledger says about a checkpoint so that it can be believed offline, by kind of ledger."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from core.log.checkpoints import Checkpoint, check_cosignatures, checkpoint_text
from core.log.errors import EvidenceInvalid, LogInvalid
from core.log.notes import Verify, parse_note
from core.log.trust import LedgerTrust
from shared.canonical import Json

LOCAL_WITNESS = "local-witness"


class Assurance(StrEnum):
    """Who stands behind a checkpoint beside the log: nobody else, a quorum of witnesses, or several organisations."""

    SELF = "self"
    WITNESSED = "witnessed"
    CONSORTIUM = "consortium"


Check = Callable[[Mapping[str, Json], Checkpoint, LedgerTrust, Verify], int | None]
"""Raises LogInvalid unless the evidence vouches for exactly this checkpoint; gives its time (POSIX seconds), if any."""


def local_evidence(note: str) -> dict[str, Json]:
    """The embedded ledger's evidence: the note with its witness's cosignature, and no other, over the checkpoint."""
    return {"kind": LOCAL_WITNESS, "note": note}


def check_evidence(
    evidence: Mapping[str, Json], checkpoint: Checkpoint, trust: LedgerTrust, verify: Verify
) -> tuple[Assurance, int | None]:
    """The assurance that good evidence gives by itself, and its time; raises EvidenceInvalid for any other."""
    kind = evidence.get("kind")
    check, assurance = _KINDS.get(kind if isinstance(kind, str) else "", (None, Assurance.SELF))
    if check is None:
        raise EvidenceInvalid("of a kind that this version does not know")
    try:
        return assurance, check(evidence, checkpoint, trust, verify)
    except EvidenceInvalid:
        raise
    except LogInvalid as error:
        raise EvidenceInvalid(error.reason) from error


def _check_local(
    evidence: Mapping[str, Json], checkpoint: Checkpoint, trust: LedgerTrust, verify: Verify
) -> int | None:
    text = evidence.get("note")
    if evidence.keys() != {"kind", "note"} or not isinstance(text, str):
        raise EvidenceInvalid("not a kind and a note")
    note = parse_note(text)
    if note.text != checkpoint_text(checkpoint):
        raise EvidenceInvalid("the ledger's checkpoint is another one")
    signed = check_cosignatures(note, trust.witnesses, verify)
    if not signed or len(signed) != len(note.signatures):
        raise EvidenceInvalid("not signed by a known key of the ledger, and by it alone")
    return signed[0].time


_KINDS: Mapping[str, tuple[Check, Assurance]] = {LOCAL_WITNESS: (_check_local, Assurance.SELF)}
