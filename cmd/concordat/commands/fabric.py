"""`concordat fabric`: a real Fabric network on this machine, for trying and developing."""

import asyncio
import fcntl
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from concordat.failures import REFUSED, USAGE, Failure
from concordat.settings import load

if TYPE_CHECKING:
    from concordat.fabric.network import Network
    from concordat.fabric.processes import Node

fabric = typer.Typer(
    help="A real Fabric network on this machine, out of Fabric's own programs, for trying and developing.",
    no_args_is_help=True,
)

MOST_ORGANISATIONS = 8
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LINES = 20
_FOLLOW_SECONDS = 0.2

Folder = Annotated[
    Path | None, typer.Option(help="Where the network is kept; fabric/network in the data folder if not given.")
]
Organisations = Annotated[
    int | None,
    typer.Option("--orgs", min=1, max=MOST_ORGANISATIONS, show_default="2", help="Organisations, with a peer each."),
]
Version = Annotated[str | None, typer.Option(help="Fabric's version, such as v3.1.5; whichever is found if not given.")]
BatchTimeout = Annotated[
    int | None,
    typer.Option(
        "--batch-timeout", min=1, metavar="MS", show_default="200", help="How long a block waits for transactions."
    ),
]
MaxMessages = Annotated[
    int | None, typer.Option(min=1, show_default="100", help="How many transactions a block takes at most.")
]
Chaincode = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="A chaincode that runs elsewhere, in place of one per organisation."),
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(fabric, name="fabric")


@fabric.command("up")
def up(
    *,
    organisations: Organisations = None,
    folder: Folder = None,
    version: Version = None,
    batch_timeout_milliseconds: BatchTimeout = None,
    max_messages: MaxMessages = None,
    chaincode: Chaincode = None,
) -> None:
    """Start a network: an orderer, and per organisation a peer, a chaincode and a client's certificate.

    It listens on loopback alone, outlives this command, and keeps its ledger when it is stopped and started again.
    """
    given = {
        "organisations": organisations,
        "batch_timeout_milliseconds": batch_timeout_milliseconds,
        "max_messages": max_messages,
        "chaincode": _address(chaincode),
    }
    asked = {name: value for name, value in given.items() if value is not None}
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    # Fabric's programs make folders and files as open as they may.
    os.umask(0o077)
    with _alone(_folder(folder, make=True)) as at:
        begun = time.monotonic()
        network, already = _up(at, version and f"v{version.removeprefix('v')}", asked)
        _announce(network, None if already else time.monotonic() - begun)


@fabric.command("down")
def down(
    *,
    folder: Folder = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove its ledger, keys and logs as well.")] = False,
) -> None:
    """Stop the network: exactly the processes that were started for it. Its ledger is kept for the next time."""
    from concordat.fabric.network import recorded, stop
    from concordat.fabric.network import remove as remove_folder

    at = _folder(folder, make=False)
    if recorded(at) is None:
        typer.echo(f"There is no network in {at}.")
        return
    with _alone(at):
        network = _recorded(at)
        running = [node.name for node in network.nodes if node.alive]
        stop(network)
        typer.echo(f"Stopped {', '.join(running)}." if running else "Nothing was running.")
        if remove:
            remove_folder(at)
            typer.echo(f"Removed what was in {at}.")


@fabric.command("status")
def status(*, folder: Folder = None) -> None:
    """Say which processes of the network live, and where they listen. Exit status 1 if not all of them do."""
    network = _recorded(_folder(folder, make=False))
    _show(network)
    if not network.complete:
        typer.echo("It was never ready: concordat fabric up begins anew.")
    raise typer.Exit(0 if _runs(network) else REFUSED)


@fabric.command("logs")
def logs(
    name: Annotated[str | None, typer.Argument(help="A process, as status names it.", show_default=False)] = None,
    *,
    folder: Folder = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is written, until Ctrl-C.")] = False,
) -> None:
    """Print the log of one process, or the last lines of each."""
    network = _recorded(_folder(folder, make=False))
    chosen = network.nodes if name is None else (network.node(name),)
    ends = [_print_log(node, None if name else _LINES) for node in chosen]
    while follow:
        time.sleep(_FOLLOW_SECONDS)
        ends = [_print_more(node, end, named=name is None) for node, end in zip(chosen, ends, strict=True)]


def _up(folder: Path, version: str | None, asked: dict[str, Any]) -> tuple["Network", bool]:
    """The network as it runs now, and whether it did before."""
    from concordat.fabric.network import make, recorded, remove, start, stop, vacant
    from concordat.fabric.plan import Wish
    from concordat.fabric.programs import find_programs

    network = recorded(folder)
    if network is not None and network.complete:
        _require_same(network, version, asked)
        if _runs(network):
            return network, True
        typer.echo(f"Fabric {network.plan.version} in {folder}, with the ledger that it has")
        return start(network, _tell), False
    if network is not None:
        # Whoever began it was killed before it was ready.
        stop(network)
        remove(folder)
    programs = find_programs(load().fabric_bin, version)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not vacant(folder):
        raise Failure(f"{folder} is not empty, and holds no network.", "Name another --folder.", status=USAGE)
    typer.echo(f"Fabric {programs.version} in {folder}")
    return make(folder, Wish(**asked), programs, _tell), False


def _require_same(network: "Network", version: str | None, asked: dict[str, Any]) -> None:
    plan = network.plan
    if version in (None, plan.version) and replace(plan.wish, **asked) == plan.wish:
        return
    has = f"version {plan.version}, --orgs {plan.wish.organisations}"
    raise Failure(
        f"There is a network in {plan.folder} already, of other kind ({has}).",
        "Leave these options out to use it, run concordat fabric down --remove first, or name another --folder.",
        status=USAGE,
    )


def _announce(network: "Network", seconds: float | None) -> None:
    plan = network.plan
    typer.echo("It runs already.\n" if seconds is None else f"Ready after {seconds:.1f} s.\n")
    _show(network)
    if plan.wish.chaincode:
        from concordat.fabric.chaincode import package, package_id

        typer.echo(f"\nThe chaincode at {plan.wish.chaincode} has to call itself")
        typer.echo(f"  {package_id(package(plan.wish.chaincode))}")
    typer.echo(f"\nNext: export CONCORDAT_LEDGER_URL={shlex.quote(f'fabric:{plan.profile}')}")
    typer.echo("concordat fabric status, logs and down look after it.")


def _show(network: "Network") -> None:
    plan = network.plan
    typer.echo(f"Fabric {plan.version}, {_counted(plan.wish.organisations)}, in {plan.folder}")
    for node in network.nodes:
        state = f"runs, pid {node.pid}" if node.alive else "does not run"
        typer.echo(f"  {node.name:<16} {node.address:<22} {state}")


def _counted(organisations: int) -> str:
    return "1 organisation" if organisations == 1 else f"{organisations} organisations"


def _print_log(node: "Node", lines: int | None) -> int:
    """All of it, or its last lines with a heading; how long it is."""
    written = node.log.read_bytes() if node.log.exists() else b""
    text = written.decode(errors="replace").splitlines()
    if lines is not None:
        typer.secho(f"==> {node.name} ({node.log})", bold=True)
        text = text[-lines:]
    for line in text:
        typer.echo(line)
    return len(written)


def _print_more(node: "Node", end: int, *, named: bool) -> int:
    """The whole lines that came after `end`; where they end."""
    with suppress(FileNotFoundError), node.log.open("rb") as log:
        log.seek(end)
        whole = log.read().rpartition(b"\n")[0]
        for line in whole.decode(errors="replace").splitlines():
            typer.echo(f"{node.name}: {line}" if named else line)
        return end + len(whole) + 1 if whole else end
    return end


def _runs(network: "Network") -> bool:
    return network.complete and all(node.alive for node in network.nodes)


def _recorded(folder: Path) -> "Network":
    from concordat.fabric.network import recorded

    network = recorded(folder)
    if network is None:
        raise Failure(f"There is no network in {folder}.", "Run concordat fabric up.")
    return network


def _folder(given: Path | None, *, make: bool) -> Path:
    folder = given.expanduser().absolute() if given else load().data_folder / "fabric" / "network"
    if make:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Failure(f"{folder} cannot be made: {error.strerror}.", "Name another --folder.") from None
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """One command at a time changes a network; what the operating system refuses in it becomes a sentence."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield folder
        finally:
            os.close(descriptor)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        raise
    except BlockingIOError:
        raise Failure(f"Another concordat fabric is at work in {folder}.", "Wait until it is done.") from None
    except OSError as error:
        raise Failure(f"{error.filename or folder}: {error.strerror or error}.", "Name another --folder.") from None


def _address(given: str | None) -> str | None:
    if given is not None and not given.rpartition(":")[2].isdigit():
        raise Failure(f"{given} is no address like 127.0.0.1:9999.", status=USAGE)
    return given


def _interrupt(_number: int, _frame: object) -> None:
    """Once: what was begun is stopped then, and nothing interrupts that."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise KeyboardInterrupt from None
    # Raised in the middle of gRPC's own code, an exception ends the process with a fault.
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.call_soon_threadsafe(int)


def _tell(step: str) -> None:
    typer.echo(f"  {step}")
    sys.stdout.flush()
