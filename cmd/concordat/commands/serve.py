"""`concordat serve`: one process with REST, gRPC and the workers, or with one of them."""

import asyncio
import os
import signal
import threading
from typing import Annotated

import typer

from concordat.failures import REFUSED
from concordat.options import DataFolder, Profile
from concordat.role import Role
from concordat.settings import Settings, load

STOP_SECONDS = 4.8
INTERRUPTED = 130

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

    stop = _Stop()
    try:
        async with serving(settings, role) as now:
            # Beside a process with an API, the note of one without would lead nobody anywhere.
            if now.http is not None or find_running(settings.data_folder) is None:
                leave_note(settings.data_folder, now.note)
            announce(now)
            await stop.asked.wait()
    finally:
        take_note_away(settings.data_folder)


class _Stop:
    """The first signal asks to stop and starts a watch on how long that takes; the second one ends the process."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self.asked.is_set():
            os._exit(INTERRUPTED if number == signal.SIGINT else REFUSED)
        self.asked.set()
        # A thread, since whatever keeps the process from stopping may be keeping the event loop as well.
        watch = threading.Timer(STOP_SECONDS, os._exit, (REFUSED,))
        watch.daemon = True
        watch.start()
