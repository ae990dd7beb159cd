"""`concordat log rotate-key`: another key takes over a log, from its next checkpoint on."""

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from concordat.commands.audit import log
from concordat.commands.rebuild import alone_with_logs
from concordat.failures import Failure
from concordat.interrupts import run
from concordat.named import no_log
from concordat.options import DataFolder, Profile
from concordat.settings import Settings, load

if TYPE_CHECKING:
    from uuid import UUID

    from app.log.rotation import Rotation
    from concordat.container import System
    from ports.log import LogKey

PATIENCE_SECONDS = 60
_LOOK_SECONDS = 0.2
_TRIES = 10
_NEXT = (
    "Hand it out: concordat trust export, and to operators who witness the log concordat witness export."
    " Back the secrets up again. The old seed is needed where the log moves to another ledger, and nowhere else."
)


def register(_app: typer.Typer) -> None:
    """Adds the command to its group."""
    log.command("rotate-key")(rotate_key)


def rotate_key(
    origin: Annotated[str, typer.Argument(help="The log, by its origin: <network>/<club>/<epoch>.")],
    *,
    wait: Annotated[
        float, typer.Option("--wait", min=1, help="So many seconds for a running worker.")
    ] = PATIENCE_SECONDS,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """Exchange the key that a log's checkpoints are signed with.

    Checkpoints from the next one on are signed with a new key alone, and with both until the ledger has taken it;
    older ones, and receipts with them, verify with the one that they were signed with. A running worker does it, and
    else this command. To run it again after it was cut off does no harm: what was begun is ended. Exit status 1 if the
    ledger refuses, or does not answer in time.
    """
    settings = load(profile=profile, data_folder=data_folder)
    number, key = run(_rotate(settings, origin, wait))
    if as_json:
        told = {"log": origin, "number": number, "key": key.verifier_key, "from": key.from_size}
        typer.echo(json.dumps(told))
    else:
        typer.echo(f"{origin}: from {key.from_size} leaves on signed with key {number}, {key.verifier_key}.")
        typer.echo(_NEXT)


async def _rotate(settings: Settings, origin: str, wait: float) -> tuple[int, "LogKey"]:
    from concordat.assembly.workers import build_guard, build_rotation
    from concordat.container import migrated

    async with migrated(settings) as system:
        i = system.infrastructure
        clubs = {entry.origin: entry.club for entry in await i.backlog.directory()}
        club = clubs.get(origin)
        if club is None:
            raise no_log(origin, clubs)
        rotation = build_rotation(i, build_guard(i))
        number = await asked(rotation, club)
        try:
            async with asyncio.timeout(wait):
                return number, await _done(system, rotation, club, number)
        except TimeoutError:
            raise Failure(
                f"The wish is noted, and nobody has met it within {wait:g} s: until then, both keys sign.",
                "It ends by itself once a worker runs and the ledger takes transactions, or with this command:"
                " see concordat doctor, and docs/how-to/rotate-keys.md.",
            ) from None


async def asked(rotation: "Rotation", club: "UUID") -> int:
    """The wish, noted as soon as no signature is under way, each of which takes some milliseconds."""
    from app.log.rotation import SigningUnderWay

    for _again in range(_TRIES):
        with suppress(SigningUnderWay):
            return await rotation.ask(club)
        await asyncio.sleep(_LOOK_SECONDS)
    return await rotation.ask(club)


async def _done(system: "System", rotation: "Rotation", club: "UUID", number: int) -> "LogKey":
    """Waits for the worker, and is it where there is none."""
    while True:
        key = await rotation.done(club, number)
        if key is not None:
            return key
        try:
            async with alone_with_logs(system.settings):
                await rotation.tick()
                for trouble in rotation.turns.troubled.values():
                    raise trouble.error
                for frozen in rotation.guard.frozen.values():
                    raise frozen
        except Failure:
            # There is a worker, which looks for wishes all the time.
            await asyncio.sleep(_LOOK_SECONDS)
