"""`concordat demo`: plays two clubs against the running server, or starts one for as long as it takes."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import typer
from rich.console import Console

from concordat.failures import USAGE, Failure
from concordat.interrupts import run
from concordat.options import DataFolder, Profile
from concordat.running import find_running
from concordat.settings import Settings, load
from concordat.story import Issue, Stage, play

if TYPE_CHECKING:
    from ports.tokens import Tokens

START_WITHIN_SECONDS = 30.0
STOP_WITHIN_SECONDS = 10.0
_TOKEN_LASTS = timedelta(minutes=10)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("demo")(demo)


def demo(
    *,
    profile: Profile = None,
    data_folder: DataFolder = None,
    url: Annotated[str | None, typer.Option(help="The API to play against; the running server's if not given.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where receipts are saved; a new temporary folder else.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show every request and answer.")] = False,
) -> None:
    """Two clubs agree, a member visits, the receipt is verified offline, damaged, and redacted.

    Every run founds new clubs. Tokens are made with this data folder's own key: it plays against its own server only.
    """
    settings = load(profile=profile, data_folder=data_folder)
    saved = folder or Path(tempfile.mkdtemp(prefix="concordat-demo-"))
    saved.mkdir(parents=True, exist_ok=True)
    console = Console()
    with _server(settings, profile, url, console) as api, httpx2.Client(base_url=api, timeout=20.0) as client:
        try:
            play(Stage(client=client, issue=_issuer(settings), folder=saved, console=console, verbose=verbose))
        except httpx2.TransportError as error:
            raise Failure(
                f"The server at {api} does not answer: {str(error).rstrip('.')}.", "Is it still running?"
            ) from None


@contextmanager
def _server(settings: Settings, profile: str | None, url: str | None, console: Console) -> Iterator[str]:
    """The API's URL: the one that was named, the running server's, or that of one started here and stopped after."""
    running = find_running(settings.data_folder)
    named = _base(url) or (running.api if running else None)
    if named:
        yield named
        return
    console.print("No server is running on this data folder: starting one for the demonstration.")
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", "concordat", "serve", "--data-folder", str(settings.data_folder)]
        # As it was named: settings know a profile in a file by the file's name alone.
        command += [] if profile is None else ["--profile", profile]
        child = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=dict(os.environ))
        try:
            yield _address(settings, child, output.fileno())
        finally:
            child.terminate()
            try:
                child.wait(STOP_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()


def _base(url: str | None) -> str | None:
    """Scheme, host and port, to which paths are added; raises Failure for anything else."""
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        example = "Name it with scheme, host and port, as the server prints it: --url http://127.0.0.1:8000"
        raise Failure(f"{url} is not the address of an API.", example, status=USAGE)
    return url


def _address(settings: Settings, child: "subprocess.Popen[bytes]", output: int) -> str:
    until = monotonic() + START_WITHIN_SECONDS
    while monotonic() < until and child.poll() is None:
        running = find_running(settings.data_folder)
        if running is not None and running.pid == child.pid and running.api is not None:
            return running.api
        sleep(0.05)
    said = os.pread(output, 4000, 0).decode(errors="replace").strip()
    raise Failure(f"The server did not start: {said or 'it said nothing'}", "Try `concordat serve` to see why.")


def _issuer(settings: Settings) -> Issue:
    """Tokens under the key of this data folder."""
    from concordat.clocks import now
    from ports.tokens import Claims

    tokens = run(_tokens(settings))

    def issue(principal: str, club: str | None, roles: frozenset[str]) -> str:
        at = None if club is None else UUID(club)
        return tokens.issue(Claims(principal=principal, club=at, roles=roles, expires_at=now() + _TOKEN_LASTS))

    return issue


async def _tokens(settings: Settings) -> "Tokens":
    from concordat.container import running

    async with running(settings) as system:
        return system.infrastructure.tokens
