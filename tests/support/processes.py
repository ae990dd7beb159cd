"""Child processes for tests: started with a clean environment on loopback, watched through their log, ended by pid."""

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

CONCORDAT = Path(sys.executable).with_name("concordat")

_POLL_SECONDS = 0.01
_PR_SET_PDEATHSIG = 1


class ProcessFailed(Exception):
    """The child ended or stayed silent before it was ready; the message carries the end of its log."""


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago; the caller retries if somebody else was quicker."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def clean_environment(**extra: str) -> dict[str, str]:
    """What a child needs and nothing of the developer's own settings (no CONCORDAT_*, no PG*, no proxies)."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", "TZ": "UTC", **extra}


def bound_to_us(argv: Sequence[str | Path], number: signal.Signals) -> list[str]:
    """The same command, which the kernel sends this signal when the test process dies, however it dies.

    Linux ties that to the thread that forks, so a command that another thread starts is left as it is; so is every
    command where the tool is missing. The block that started it ends it all the same.
    """
    plain = [str(part) for part in argv]
    tool = shutil.which("setpriv") if sys.platform.startswith("linux") else None
    if tool is None or threading.current_thread() is not threading.main_thread():
        return plain
    return [tool, "--pdeathsig", number.name.removeprefix("SIG"), "--", *plain]


def die_with_parent(number: int) -> Callable[[], None] | None:
    """A hook for Popen: the kernel sends the signal when this test process dies, however it dies.

    Linux ties the signal to the thread that forks, so a child that is started from another thread gets no hook.
    """
    if not sys.platform.startswith("linux") or threading.current_thread() is not threading.main_thread():
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, number)


class Process:
    """One child process whose output goes to a log file; a context manager that leaves nothing running.

    `ready` is a regular expression searched in the output; `start` returns its match, so that groups can carry
    ports and URLs. Starting again after `kill` or `terminate` is allowed and only looks at the new output.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        ready: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ready_within_seconds: float = 30.0,
    ) -> None:
        self.argv = [str(part) for part in argv]
        self.log = log
        self.ready = ready
        self.env = dict(clean_environment() if env is None else env)
        self.cwd = cwd
        self.ready_within_seconds = ready_within_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._start_of_run = 0

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def returncode(self) -> int | None:
        """None while the child runs; negative after a signal, as in subprocess."""
        return None if self._child is None else self._child.poll()

    def start(self) -> re.Match[str]:
        if self._child is not None and self._child.poll() is None:
            raise ProcessFailed(f"{self.argv[0]} runs already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._start_of_run = output.tell()
            self._child = subprocess.Popen(
                bound_to_us(self.argv, signal.SIGKILL),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                start_new_session=True,
            )
        try:
            return self.wait_for(self.ready, within_seconds=self.ready_within_seconds)
        except BaseException:
            self.kill()
            raise

    def wait_for(self, pattern: str, *, within_seconds: float = 10.0) -> re.Match[str]:
        """The first match in the output of this run; fails at once when the child ends without it."""
        deadline = time.monotonic() + within_seconds
        while True:
            ended = self.returncode is not None
            found = re.search(pattern, self.output(), re.MULTILINE)
            if found:
                return found
            if ended:
                raise ProcessFailed(f"{self._story()} ended with {self.returncode} before {pattern!r}")
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self._story()} did not print {pattern!r} within {within_seconds} s")
            time.sleep(_POLL_SECONDS)

    def output(self) -> str:
        """Everything that this run has printed so far, standard error included."""
        with self.log.open("rb") as output:
            output.seek(self._start_of_run)
            return output.read().decode(errors="replace")

    def send(self, number: int) -> None:
        self._running().send_signal(number)

    def wait(self, *, within_seconds: float = 10.0) -> int:
        """The exit status, once the child has ended by itself."""
        return self._running().wait(within_seconds)

    def terminate(self, *, within_seconds: float = 10.0) -> int:
        """SIGTERM and the exit status; a child that outlives the time is killed and reported."""
        child = self._running()
        child.terminate()
        try:
            return child.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProcessFailed(f"{self._story()} outlived SIGTERM by {within_seconds} s") from None

    def kill(self) -> None:
        """SIGKILL to exactly this child; also fine when it has ended or was never started."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise ProcessFailed(f"{self.argv[0]} was not started")
        return self._child

    def _story(self) -> str:
        return f"{' '.join(self.argv)}\n{self.output()[-4000:]}\n--"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
