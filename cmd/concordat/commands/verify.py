"""`concordat verify`: checks receipts and settlements with a trust bundle alone; no database, no network, no server."""

import json
from pathlib import Path
from typing import Annotated

import typer

from adapters.outbound.signatures import SIGNATURES
from concordat.checked import UNJUDGED, assurance_text, settlement_json, settlement_text, time_text
from concordat.failures import REFUSED, USAGE, Failure
from core.log.errors import LogInvalid
from core.log.proofs import MAX_PROOF
from core.log.receipts import Step, Validity, Verification, verify_bytes
from core.log.settlements import check_proof, is_proof
from core.log.trust import TrustBundle, parse_bundle

TRUST = "trust.json"
_OLDER = (
    "A bundle that is older than the receipt may lack the log, or its present key:"
    " get the newest one, in the way in which you got this one."
)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("verify")(verify)


def verify(
    files: Annotated[
        list[Path], typer.Argument(help="Receipts, as text or JSON; proofs of settlements.", show_default=False)
    ],
    trust: Annotated[Path, typer.Option(help="The bundle that `concordat trust export` wrote.")] = Path(TRUST),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the record and what its disclosures open.")] = False,
) -> None:
    """Check receipts offline: valid, valid with redactions, or invalid with the step that fails and why.

    Proofs of settlements, as `concordat settlement prove` writes them, are checked too. Exit status 0 if every file is
    valid (with or without redactions), 1 if one is not, 2 if a file cannot be read.
    """
    bundle = _bundle(trust)
    worst = 0
    for file in files:
        data = _read(file, "receipt", MAX_PROOF + 1)
        if is_proof(data):
            settled = check_proof(data.strip(), bundle.ledger, SIGNATURES)
            typer.echo(json.dumps(settlement_json(file, settled)) if as_json else settlement_text(file, settled))
            failed = settled.step is not None
        else:
            found = verify_bytes(data, bundle, SIGNATURES)
            typer.echo(json.dumps(_as_json(file, found)) if as_json else _as_text(file, found, show=show))
            failed = found.validity is Validity.INVALID
        worst = max(worst, REFUSED if failed else 0)
    raise typer.Exit(worst)


def _bundle(file: Path) -> TrustBundle:
    if not file.exists():
        advice = f"Run `concordat trust export {file}` where the network runs, or name the bundle with --trust."
        raise Failure(f"There is no trust bundle at {file}.", advice, status=USAGE)
    try:
        return parse_bundle(_read(file, "trust bundle").strip())
    except LogInvalid as error:
        raise Failure(f"{file} is not a trust bundle: {error.reason}.", "Export it again.", status=USAGE) from None


def _read(file: Path, what: str, most: int = -1) -> bytes:
    """The file, or its first `most` bytes: what is longer than any receipt can be is not read to its end."""
    try:
        with file.open("rb") as opened:
            return opened.read(most)
    except OSError as error:
        raise Failure(f"The {what} {file} cannot be read: {error.strerror}.", "Check the path.", status=USAGE) from None


def _as_text(file: Path, found: Verification, *, show: bool) -> str:
    if found.step is not None:
        said = f"{file}: INVALID at the step '{found.step}': {found.reason}."
        return f"{said}\n  {_OLDER}" if found.step is Step.SIGNATURE else said
    lines = [f"{file}: {_VALID[found.validity]}"]
    record, checkpoint = found.record, found.checkpoint
    if record is not None and checkpoint is not None:
        lines += [
            f"  record      {record.type} {record.id}, {record.at:%Y-%m-%d %H:%M:%S} UTC",
            f"  log         {record.log}, checkpoint of {checkpoint.size} leaves",
            f"  state       {found.state}{_anchored_at(found)}",
            f"  assurance   {assurance_text(found.assurance, 'the checkpoint')}",
        ]
        if found.organisations:
            lines += [f"  endorsed    by peers of {', '.join(found.organisations)}; {_judged(found)}"]
        lines += [f"  erased      {pointer}" for pointer in found.redacted]
        if show:
            lines += [f"  opened      {pointer} = {json.dumps(value)}" for pointer, value in found.opened.items()]
            lines += [f"  says        {json.dumps(dict(record.object), indent=2)}"]
    return "\n".join(lines)


def _as_json(file: Path, found: Verification) -> dict[str, object]:
    record = found.record
    return {
        "file": str(file),
        "validity": found.validity,
        "step": found.step,
        "reason": found.reason,
        "state": found.state,
        "assurance": found.assurance,
        "anchored_at": found.anchored_at,
        "organisations": list(found.organisations),
        "certificates_at": found.certificates_at,
        "log": None if record is None else record.log,
        "record": None if record is None else record.id,
        "type": None if record is None else record.type,
        "redacted": list(found.redacted),
    }


def _anchored_at(found: Verification) -> str:
    if found.anchored_at is None:
        return ""
    return f" (the ledger says {time_text(found.anchored_at)})"


def _judged(found: Verification) -> str:
    """A peer's signature holds no time: whether its certificate was good then takes a witness who says when."""
    if found.certificates_at is None:
        return UNJUDGED
    return f"their certificates judged at {time_text(found.certificates_at)}, when the first witness cosigned"


_VALID = {"valid": "valid", "valid-with-redactions": "valid with redactions (a person was erased; the proof stands)"}
