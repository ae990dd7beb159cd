"""The processes of a network: begun so that they outlive whoever began them, and known again by pid and start time."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from concordat.fabric.files import PRIVATE
from concordat.failures import Failure

READY_WITHIN_SECONDS = 60.0
STOPPED_WITHIN_SECONDS = 8.0
_POLL_SECONDS = 0.02
_LAST_LINES = 8
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A program of the network, which listens at `address`; not begun yet while its pid is 0.

    `ready` is what its log says once it serves; one that says nothing serves once it listens. `environment` goes over
    the few variables that a program needs; nothing else of ours reaches it.
    """

    name: str
    address: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    ready: str = ""
    pid: int = 0
    started: str = ""
    log_start: int = 0

    @property
    def alive(self) -> bool:
        """Whether this very process lives: another one that got its pid is another one."""
        # One that ended before anybody could look has no start.
        return bool(self.started) and self.started == start_of(self.pid)

    def output(self) -> str:
        """What this run of it has said so far."""
        with suppress(FileNotFoundError), self.log.open("rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")
        return ""

    def last_words(self) -> str:
        """The end of that, without the stacks that a Go program prints when it panics."""
        return "\n".join(self.output().partition("\ngoroutine ")[0].splitlines()[-_LAST_LINES:])


class Ended(Failure):
    """A program ended that should be running; the sentence quotes the end of its log."""

    def __init__(self, node: Node) -> None:
        said = node.last_words()
        self.port_taken = "address already in use" in said
        super().__init__(f"{node.name} ended. Its log {node.log} ends with\n{said}")


def clean_environment() -> dict[str, str]:
    """What a program needs, without the settings of Fabric or of Concordat that a developer may have around."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def begin(node: Node) -> Node:
    """In a session of its own, which neither Ctrl-C nor the end of the terminal reaches."""
    node.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    log_start = node.log.stat().st_size if node.log.exists() else 0
    written = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        node.argv[0],
        node.argv,
        {**clean_environment(), **node.environment},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.fspath(node.log), written, PRIVATE),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        # Whatever the caller keeps waiting, the program hears.
        setsigmask=(),
        setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
    )
    return replace(node, pid=pid, started=start_of(pid), log_start=log_start)


def wait_until_ready(nodes: Sequence[Node]) -> None:
    """Raises Ended for one that ends before, and Failure when it takes too long."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    waiting = list(nodes)
    while waiting := [node for node in waiting if not _is_ready(node)]:
        require_alive(nodes)
        if time.monotonic() > deadline:
            raise Failure(f"{waiting[0].name} is not ready after {READY_WITHIN_SECONDS:g} s. See {waiting[0].log}.")
        time.sleep(_POLL_SECONDS)


def require_alive(nodes: Sequence[Node]) -> None:
    """Raises Ended for the first that is not."""
    for node in nodes:
        if not node.alive:
            raise Ended(node)


def end(nodes: Sequence[Node]) -> None:
    """SIGTERM to all that live, and SIGKILL to whoever is still there after a while; returns when none is."""
    living = [node for node in nodes if node.alive]
    for node in living:
        send(node, signal.SIGTERM)
        # One that is frozen would hear of nothing.
        send(node, signal.SIGCONT)
    if not _gone(living, STOPPED_WITHIN_SECONDS):
        for node in living:
            send(node, signal.SIGKILL)
        _gone(living, STOPPED_WITHIN_SECONDS)


def send(node: Node, number: signal.Signals) -> None:
    """To exactly this process; nothing when it is gone."""
    if node.alive:
        with suppress(ProcessLookupError):
            os.kill(node.pid, number)


def start_of(pid: int) -> str:
    """When a process was started, in whatever form the system has it; empty when it does not live (any more)."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return _start_of_linux(pid) if _BOOT.exists() else _start_of_any(pid)


def _start_of_linux(pid: int) -> str:
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else f"{_BOOT.read_text().strip()} {fields[18]}"
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _start_of_any(pid: int) -> str:
    said = subprocess.run(
        ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=10, check=False
    ).stdout.strip()
    return "" if said[:1] in ("", "Z") else said.partition(" ")[2].strip()


def _is_ready(node: Node) -> bool:
    return node.ready in node.output() if node.ready else _listens(node.address)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def _gone(nodes: Sequence[Node], seconds: float) -> bool:
    return _within(seconds, lambda: not any(node.alive for node in nodes))


def _within(seconds: float, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
