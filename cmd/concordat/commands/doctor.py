"""`concordat doctor`: which adapter serves each port, whether it answers, and which settings are unsafe."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from concordat.checks import Check, State
from concordat.failures import REFUSED
from concordat.interrupts import run
from concordat.options import DataFolder, Profile
from concordat.settings import Settings, load

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red"}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("doctor")(doctor)


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The same as one JSON object, settings included.")] = False,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """Say which adapter serves each port, whether it answers, and which settings are unsafe.

    Exit status 1 if the system must not serve as it is set up. It may run beside a server.
    """
    settings = load(profile=profile, data_folder=data_folder)
    checks = run(_examine(settings))
    failed = any(check.state is State.FAILED for check in checks)
    if as_json:
        typer.echo(
            json.dumps({"ok": not failed, "checks": [asdict(one) for one in checks], "settings": settings.redacted()})
        )
    else:
        _show(settings, checks, failed=failed)
    raise typer.Exit(REFUSED if failed else 0)


async def _examine(settings: Settings) -> list[Check]:
    from concordat.checks.disks import examine_disks
    from concordat.checks.ports import examine
    from concordat.checks.safety import unsafe_settings

    return [*unsafe_settings(settings), *await examine(settings), *await examine_disks(settings)]


def _show(settings: Settings, checks: list[Check], *, failed: bool) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "part", "served by", "found"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        said = f"{check.found}. {check.advice}" if check.advice else check.found
        table.add_row(f"[{_STYLES[check.state]}]{check.state}[/]", check.subject, escape(check.adapter), escape(said))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(f"Profile {settings.profile}, network {settings.network}, data folder {settings.data_folder}\n")
    console.print(table)
    console.print("\nThe system must not serve as it is set up." if failed else "\nThe system may serve.")
