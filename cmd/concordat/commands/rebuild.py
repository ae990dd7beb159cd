"""`concordat log rebuild`: after a restore, brings logs back to where the world has seen them."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from concordat.commands.audit import log
from concordat.failures import REFUSED, Failure
from concordat.interrupts import run
from concordat.named import no_log
from concordat.options import DataFolder, Profile
from concordat.settings import Settings, load

if TYPE_CHECKING:
    from app.log.rebuild import Rebuilt


def register(_app: typer.Typer) -> None:
    """Adds the command to its group."""
    log.command("rebuild")(rebuild)


def rebuild(
    *,
    origins: Annotated[
        list[str] | None, typer.Option("--log", help="Only this log, by its origin; may be repeated.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it only says what it would do.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per log.")] = False,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """Bring logs that a restore has set back to where the world has seen them, out of what was published.

    Everything published is verified first. Records that are still in the database find their leaves again; the others
    are lost, and a record that the log's key signs says which. Stop the server first, on Postgres the worker. Exit
    status 1 if a log stays frozen, or a whole club is missing.
    """
    settings = load(profile=profile, data_folder=data_folder)
    rebuilt, missing = run(_rebuild(settings, origins, write=yes))
    for one in rebuilt:
        typer.echo(json.dumps(_as_json(one, written=yes)) if as_json else _as_text(one, written=yes))
    for origin in missing:
        said = f"{origin}: not in the database, as a whole club; only an older or newer backup can bring it back."
        typer.echo(json.dumps({"log": origin, "missing": True}) if as_json else said)
    if not as_json:
        _conclude(rebuilt, missing, written=yes)
    stuck = missing or any(one.refused or one.beyond for one in rebuilt)
    raise typer.Exit(REFUSED if stuck else 0)


async def _rebuild(
    settings: Settings, origins: Sequence[str] | None, *, write: bool
) -> tuple["Sequence[Rebuilt]", Sequence[str]]:
    from app.log.missing import missing
    from concordat.assembly.workers import build_rebuild
    from concordat.container import migrated
    from concordat.progress import Bar

    async with alone_with_logs(settings), migrated(settings) as system:
        i = system.infrastructure
        present = {entry.origin for entry in await i.backlog.directory()}
        gone = await missing(i.network, present, i.ledger, i.publication)
        if unknown := [origin for origin in origins or () if origin not in present and origin not in gone]:
            raise no_log(unknown[0], {*present, *gone})
        with Bar() as bar:
            rebuilt = await build_rebuild(i).run(bar.progress, origins, write=write)
        return rebuilt, [origin for origin in gone if origins is None or origin in origins]


@asynccontextmanager
async def alone_with_logs(settings: Settings) -> AsyncIterator[None]:
    """No worker runs until the block ends; raises Failure that names the one there is."""
    from concordat.locks import alone, worker_lock

    with alone(settings.database):
        try:
            lock = await worker_lock(settings.database)
        except Failure as taken:
            raise Failure(taken.sentence, "Stop it until the logs are rebuilt; other processes may go on.") from None
        try:
            yield
        finally:
            await lock.release()


def _as_json(one: "Rebuilt", *, written: bool) -> dict[str, object]:
    return {
        "log": one.origin,
        "before": one.before,
        "after": one.after,
        "found": one.found,
        "lost": [{"first": each.first, "last": each.last} for each in one.lost],
        "beyond": one.beyond,
        "refused": one.refused,
        "written": written and one.refused is None,
    }


def _as_text(one: "Rebuilt", *, written: bool) -> str:
    if one.refused is not None:
        return f"{one.origin}: stays frozen at {one.before} leaves: {one.refused}."
    lost = f"lost for ever: {', '.join(map(str, one.lost))}" if one.lost else "none is lost"
    verb = "rebuilt" if written else "would be rebuilt"
    said = f"{one.origin}: {verb} from {one.before} to {one.after} leaves; {one.found} found again, {lost}."
    if one.beyond:
        said += f" It stays frozen: the ledger has seen {one.beyond} more, which nobody published."
    return said


def _conclude(rebuilt: "Sequence[Rebuilt]", missing: Sequence[str], *, written: bool) -> None:
    if not rebuilt and not missing:
        typer.echo("Nothing is to be rebuilt: every log is where the world has seen it.")
    elif not written and any(one.refused is None for one in rebuilt):
        typer.echo("Nothing was changed. Keep a copy of the database, and do it with --yes.")
