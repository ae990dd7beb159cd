"""`concordat serve`: one process with REST, gRPC and the workers, or with one of them."""

import asyncio
import os
import signal
import threading
from typing import Annotated

import typer

from concordat.failures import REFUSED
from concordat.interrupts import leave
from concordat.options import DataFolder, Profile
from concordat.role import Role
from concordat.settings import Settings, load

STOP_SECONDS = 4.8
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

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
) -> None:
    """Serve the network: REST, gRPC and the workers in one process, or the one that --role names.

    On SQLite there is one process. On Postgres any number with --role http or grpc may stand beside one worker.
    Ctrl-C or SIGTERM stops it within five seconds, a second Ctrl-C at once.
    """
    for number in _SIGNALS:
        signal.signal(number, leave)
    settings = load(
        profile=profile,
        data_folder=data_folder,
        host=host,
        http_port=http_port,
        grpc_port=grpc_port,
        admin_port=admin_port,
    )
    from concordat import telemetry

    telemetry.configure(level=settings.log_level, form=settings.log_format)
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(_serve(settings, role))


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _serve(settings: Settings, role: Role) -> None:
    from concordat.announcement import announce
    from concordat.lifespan import serving
    from concordat.running import find_running, leave_note, take_note_away

    try:
        async with serving(settings, role) as now:
            asked = _on_signals()
            # Beside a process with an API, the note of one without would lead nobody anywhere.
            if now.at.http is not None or find_running(settings.data_folder) is None:
                leave_note(settings.data_folder, now.note)
            announce(now)
            await asked.wait()
    finally:
        take_note_away(settings.data_folder)


def _on_signals() -> asyncio.Event:
    """The first signal sets the event and starts a watch on how long stopping takes; the second ends the process."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if asked.is_set():
            leave(number)
        asked.set()
        # A thread, since whatever keeps the process from stopping may be keeping the event loop as well.
        watch = threading.Timer(STOP_SECONDS, os._exit, (REFUSED,))
        watch.daemon = True
        watch.start()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    return asked
