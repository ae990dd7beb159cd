"""How the check of a settlement is told, and the words that it shares with that of a receipt."""

from datetime import UTC, datetime
from pathlib import Path

from core.log.settlements import SettlementChecked
from shared.canonical import b64url

_ASSURANCE = {
    "self": "nobody but the operator stands behind {}",
    "witnessed": "a quorum of other operators cosigned {}",
    "consortium": "peers of a permissioned ledger endorsed {}, as many as the trust bundle asks for",
}

UNJUDGED = "nobody knows when to judge their certificates"


def assurance_text(assurance: object, what: str) -> str:
    """The word, and what it says of this."""
    return f"{assurance}: {_ASSURANCE[str(assurance)].format(what)}"


def settlement_text(file: Path, found: SettlementChecked) -> str:
    """For people."""
    proof, vouched = found.proof, found.vouched
    if proof is None or vouched is None:
        return f"{file}: INVALID at the step '{found.step}': {found.reason}."
    opening = proof.opening
    lines = [
        f"{file}: valid",
        f"  settled     {opening.period}: {opening.count} visit{'s' if opening.count != 1 else ''}, by both of a pair",
        f"  visit       {b64url(proof.visit)}, number {proof.index + 1} of them",
        f"  pair        {b64url(opening.pair)}",
        f"  assurance   {assurance_text(vouched.assurance, 'the settlement')}",
    ]
    if vouched.organisations:
        lines.append(f"  endorsed    by peers of {', '.join(vouched.organisations)}; {UNJUDGED}")
    if vouched.at is not None:
        lines.append(f"  held since  {time_text(vouched.at)}, as the ledger says")
    return "\n".join(lines)


def settlement_json(file: Path, found: SettlementChecked) -> dict[str, object]:
    """For programs."""
    proof, vouched = found.proof, found.vouched
    opening = None if proof is None else proof.opening
    return {
        "file": str(file),
        "validity": "valid" if found.step is None else "invalid",
        "step": found.step,
        "reason": found.reason,
        "period": None if opening is None else opening.period,
        "visits": None if opening is None else opening.count,
        "visit": None if proof is None else b64url(proof.visit),
        "pair": None if opening is None else b64url(opening.pair),
        "keys": [] if proof is None else [b64url(key) for key in proof.keys],
        "assurance": None if vouched is None else vouched.assurance,
        "organisations": [] if vouched is None else list(vouched.organisations),
        "held_at": None if vouched is None else vouched.at,
    }


def time_text(seconds: int) -> str:
    """Out of POSIX seconds."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
