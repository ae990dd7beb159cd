"""`concordat log audit`: re-checks everything in the database against the logs and the ledger."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from concordat.failures import REFUSED
from concordat.interrupts import run
from concordat.named import no_log
from concordat.options import DataFolder, Profile
from concordat.settings import Settings, load

if TYPE_CHECKING:
    from app.log.audit.audit import LogAudit
    from core.log.audit.findings import Finding

log = typer.Typer(help="The verifiable logs.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.add_typer(log, name="log")


@log.callback()
def _group() -> None:
    """A group with one command stays a group."""


@log.command("audit")
def audit(
    *,
    origins: Annotated[
        list[str] | None, typer.Option("--log", help="Only this log, by its origin; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per finding, then one per log.")] = False,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """Compare records, disclosures, leaves, tiles, heads and live rows with the logs, and the logs with the ledger.

    Names every record, aggregate, field and leaf that does not match, and the last anchor that still does. It only
    reads, and may run beside a server. Exit status 1 if anything is found.
    """
    settings = load(profile=profile, data_folder=data_folder)
    count, logs = run(_audit(settings, origins, as_json=as_json))
    for one in logs:
        typer.echo(json.dumps(_as_json(one)) if as_json else _as_text(one))
    if not as_json:
        typer.echo(_counted(count) if count else "Everything matches.")
    raise typer.Exit(REFUSED if count else 0)


async def _audit(
    settings: Settings, origins: Sequence[str] | None, *, as_json: bool
) -> tuple[int, "Sequence[LogAudit]"]:
    from adapters.outbound.sql.audit import SqlAuditedLogs
    from app.log import anchoring, integrator
    from app.log.audit.audit import Audit
    from app.log.audit.catalogue import Catalogue
    from app.log.keys import ROTATION
    from app.relay import CONSUMER as RELAY
    from concordat.container import migrated
    from concordat.progress import Bar

    count = 0

    async with migrated(settings) as system:
        modules = [built.module.audited for built in system.modules if built.module.audited is not None]
        parts = system.infrastructure
        _check_known(origins or (), [entry.origin for entry in await parts.backlog.directory()])
        catalogue = Catalogue.of(modules, frozenset({RELAY, integrator.CONSUMER, anchoring.CONSUMER, ROTATION}))
        ready = Audit(
            logs=SqlAuditedLogs(parts.database),
            ledger=parts.ledger,
            signatures=parts.signatures,
            catalogue=catalogue,
            network=parts.network,
            publication=parts.publication,
        )
        with Bar() as bar:

            def found(finding: "Finding") -> None:
                nonlocal count
                count += 1
                _show(finding, as_json=as_json)

            logs = await ready.run(found, bar.progress, origins)
    return count, logs


def _check_known(origins: Sequence[str], known: Sequence[str]) -> None:
    """Nothing is found in a log that there is not: who misspelt one must not read that everything matches."""
    for origin in origins:
        if origin not in known:
            raise no_log(origin, known)


def _show(finding: "Finding", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(finding.to_json()))
        return
    named = {name: value for name, value in finding.to_json().items() if name not in ("code", "detail")}
    where = ", ".join(f"{name} {value}" for name, value in named.items())
    typer.echo(f"[{finding.code}] {finding.detail}\n    {where}")


def _counted(count: int) -> str:
    return "1 finding." if count == 1 else f"{count} findings."


def _as_json(one: "LogAudit") -> dict[str, object]:
    intact = None if one.intact_until is None else {"size": one.intact_until[0], "at": one.intact_until[1]}
    lost = [{"first": each.first, "last": each.last} for each in one.lost]
    return {
        "log": one.origin,
        "leaves": one.leaves,
        "lost": lost,
        "findings": one.findings,
        "intact_until": intact,
    }


def _as_text(one: "LogAudit") -> str:
    leaves, findings = f"{one.origin}: {one.leaves} leaves", _counted(one.findings).rstrip(".")
    if one.lost:
        leaves += f" (of which a rebuild declared lost: {', '.join(map(str, one.lost))})"
    if not one.findings:
        return f"{leaves}, nothing to report."
    if one.intact_until is None:
        return f"{leaves}, {findings}; no anchor bounds when it happened."
    size, at = one.intact_until
    return f"{leaves}, {findings}; intact up to the anchor of {size} leaves ({at})."
