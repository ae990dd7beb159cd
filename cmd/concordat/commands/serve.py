"""`concordat serve`: one process with REST, gRPC and the workers, or with one of them."""

import asyncio
from typing import Annotated

import typer

from concordat.failures import USAGE, Failure
from concordat.options import DataFolder, Profile
from concordat.role import Role
from concordat.settings import Settings, load
from concordat.stopping import leave_on_signals, new_loop, on_signals

MOST_DAYS = 400
Port = Annotated[int | None, typer.Option(help="0 for any free one (local profile).", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("serve")(serve)


def serve(
    *,
    profile: Profile = None,
    role: Annotated[Role, typer.Option(help="What this process does.")] = Role.ALL,
    data_folder: DataFolder = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.", show_default=False)] = None,
    http_port: Port = None,
    grpc_port: Port = None,
    admin_port: Port = None,
    clock_ahead_days: Annotated[
        int, typer.Option(min=0, max=MOST_DAYS, help="Act as if it were so many days later (local profile).")
    ] = 0,
) -> None:
    """Serve the network: REST, gRPC and the workers in one process, or the one that --role names.

    On SQLite there is one process. On Postgres any number with --role http or grpc may stand beside one worker.
    Ctrl-C or SIGTERM stops it within five seconds, a second Ctrl-C at once.
    """
    leave_on_signals()
    settings = load(
        profile=profile,
        data_folder=data_folder,
        host=host,
        http_port=http_port,
        grpc_port=grpc_port,
        admin_port=admin_port,
    )
    if clock_ahead_days and not settings.local:
        advice = "Leave --clock-ahead-days out: records and anchors would have a wrong time for ever."
        raise Failure("The clock may be ahead in the local profile only.", advice, status=USAGE)
    from concordat import telemetry

    telemetry.configure(level=settings.log_level, form=settings.log_format)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_serve(settings, role, clock_ahead_days))


async def _serve(settings: Settings, role: Role, clock_ahead_days: int) -> None:
    from concordat import clocks
    from concordat.announcement import announce
    from concordat.lifespan import serving
    from concordat.running import find_running, leave_note, take_note_away

    try:
        async with serving(settings, role, clocks.ahead(clock_ahead_days)) as now:
            asked = on_signals()
            # Beside a process with an API, the note of one without would lead nobody anywhere.
            if now.at.http is not None or find_running(settings.data_folder) is None:
                leave_note(settings.data_folder, now.note)
            if clock_ahead_days:
                typer.secho(f"The clock is {clock_ahead_days} days ahead, for trying things out.\n", fg="yellow")
            announce(now)
            await asked.wait()
    finally:
        take_note_away(settings.data_folder)
