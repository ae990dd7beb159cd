"""`concordat settlement`: what pairs of clubs settled of their visits, and the proof of one visit for its two clubs."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from concordat.failures import REFUSED, USAGE, Failure
from concordat.interrupts import run
from concordat.options import DataFolder, Profile
from concordat.settings import Settings, load

if TYPE_CHECKING:
    from app.clubs.settlements import Settlements
    from concordat.container import System
    from ports.caller import Caller

settlement = typer.Typer(help="What pairs of clubs settled of their visits, month by month.", no_args_is_help=True)

_REFUSED = {
    "settled": "settled, with other visits: records were changed or lost since",
    "other-pair": "other-pair, opened with other keys or organisations: are the pair's secrets the ones it began with?",
}
Club = Annotated[str, typer.Option("--club", help="Whose: the club's id or slug.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(settlement, name="settlement")


@settlement.command("list")
def show(
    *,
    club: Club,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per pair and month.")] = False,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """List a club's months with visits, by partner: open, settled, differs or refused, and why.

    A month is settled by itself, a day after it ended in UTC. Where the logs of the two clubs differ, the visits that
    only one of them has are named, and nothing is settled. Exit status 1 if any month differs or was refused.
    """
    found = run(_list(load(profile=profile, data_folder=data_folder), club))
    if not found and not as_json:
        typer.echo("There is nothing to settle yet.")
    for one in found:
        typer.echo(json.dumps(one) if as_json else _as_text(one))
    raise typer.Exit(REFUSED if any(one["state"] in ("differs", "refused") for one in found) else 0)


@settlement.command("prove")
def prove(
    visit: Annotated[str, typer.Argument(help="The visit's id.", show_default=False)],
    *,
    club: Club,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it, in place of standard output.")] = None,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """Write the proof that a visit is among what its two clubs settled; `concordat verify` checks it offline.

    It opens the settlement: root, number of visits and salt are in it. It is meant for the two clubs, and for whoever
    they choose to show it to.
    """
    proof = run(_prove(load(profile=profile, data_folder=data_folder), visit, club))
    if out is None:
        typer.echo(proof.decode())
        return
    try:
        out.write_bytes(proof)
    except OSError as error:
        raise Failure(f"{out} cannot be written: {error.strerror}.", "Name another file.") from None
    typer.echo(f"{out}: the visit is settled. Check it with: concordat verify {out} --trust trust.json")


async def _list(settings: Settings, club: str) -> list[dict[str, Any]]:
    from shared.canonical import plain

    async with _opened(settings, club) as (system, settlements, caller):
        names = {entry.club: entry.name for entry in await system.infrastructure.backlog.directory()}
        found = await settlements.list(caller)
    rows = []
    for one in found:
        partner = one.second_club if one.first_club == caller.club else one.first_club
        rows.append({**cast("dict[str, Any]", plain(one)), "partner": names.get(partner, str(partner))})
    return rows


async def _prove(settings: Settings, visit: str, club: str) -> bytes:
    from shared.ids import MalformedId, parse_id

    try:
        key = parse_id(visit)
    except MalformedId:
        raise Failure(f"{visit} is not a visit's id.", "GET /v1/visits shows them.", status=USAGE) from None
    async with _opened(settings, club) as (_system, settlements, caller):
        return await settlements.prove(caller, key)


@asynccontextmanager
async def _opened(settings: Settings, club: str) -> "AsyncIterator[tuple[System, Settlements, Caller]]":
    """The system, its settlements, and who asks in the name of the club."""
    from concordat.container import migrated
    from concordat.development import all_roles
    from concordat.modules.clubs import CLUBS
    from concordat.named import club_named
    from ports.caller import Caller

    async with migrated(settings) as system:
        found: Settlements = next(built.use_cases for built in system.modules if built.module is CLUBS).settlements
        own, roles = await club_named(system, club), all_roles(system)
        yield system, found, Caller(principal="operator", club=own, roles=roles, request_id="settlement")


def _as_text(one: dict[str, Any]) -> str:
    from concordat.clocks import now
    from core.clubs.settlement import SettlementState, closed_from

    lines = [f"{one['period']}  {one['state']:<8}  {one['partner']}"]
    if one["state"] == SettlementState.OPEN:
        closed = closed_from(one["period"])
        waits = "waits: a check-in is in no log yet, or the ledger did not answer. concordat doctor says more"
        lines.append(f"  is compared from {closed:%Y-%m-%d %H:%M} UTC on" if now() < closed else f"  {waits}")
    if one["reason"]:
        lines.append(f"  the ledger refuses it: {_REFUSED.get(one['reason'], one['reason'])}")
    for which in ("first", "second"):
        club = one[f"{which}_club"]
        lines += [f"  only in the log of {club}: visit {each['visit']}" for each in one[f"only_{which}"]]
    return "\n".join(lines)
