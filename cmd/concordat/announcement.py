"""What a person reads when the process serves: where everything is, and what to try next."""

import shutil
import sys
from importlib.metadata import version

import typer

from concordat.lifespan import Serving
from concordat.servers import Address


def announce(now: Serving) -> None:
    """Printed once, on standard output; the logs go to standard error."""
    name = typer.style(f"Concordat {version('concordat')}", bold=True)
    typer.echo(f"{name} serves ({now.settings.profile} profile, {now.role}).\n")
    for part, says in _lines(now):
        typer.echo(f"  {part:<12} {says}")
    if now.unready:
        typer.secho("\nIt is not ready to be sent requests:", fg="red", bold=True)
        for reason in now.unready:
            typer.echo(f"  {reason}")
        typer.echo(f"Run {_command()} doctor to see what to do.")
    elif now.token:
        demo = f"{_command()} demo"
        typer.echo(f"\nNext: open the docs, press Authorize, paste the token. Or, in another terminal: {demo}")
    typer.echo("\nCtrl-C stops it.\n")


def _command() -> str:
    """As it can be typed: in a checkout that `make run` set up, the command is on nobody's path."""
    return "concordat" if shutil.which("concordat") else sys.argv[0]


def _lines(now: Serving) -> list[tuple[str, str]]:
    lines = []
    if now.at.http is not None:
        lines.append(("API", f"http://{now.at.http}/v1{_moved(now.at.http)}"))
        if now.settings.docs:
            lines.append(("Docs", f"http://{now.at.http}/docs"))
    if now.at.grpc is not None:
        lines.append(("gRPC", f"{now.at.grpc}{_moved(now.at.grpc)}"))
    lines.append(("Admin", f"http://{now.at.admin} (metrics, probes){_moved(now.at.admin)}"))
    lines.append(("Data folder", str(now.settings.data_folder)))
    if now.club is not None:
        lines.append(("Club", f"{now.club} (for trying things out)"))
    if now.token is not None:
        hours = now.settings.token_minutes / 60
        lines.append(("Token", f"{now.token}"))
        lines.append(("", f"(every role in that club, for {hours:g} hours)"))
    return lines


def _moved(address: Address) -> str:
    return "" if not address.moved_from else f" (port {address.moved_from} was taken)"
