"""A `concordat` installation of a test's own: its data folder, its database, its processes, its command line."""

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from concordat.running import Running, find_running
from tests.support.processes import Process, clean_environment

READY = r"Ctrl-C stops it"
COMMAND = (sys.executable, "-m", "concordat")


@dataclass(kw_only=True)
class Installation:
    """`database_url` is None for the file in the data folder. Intervals are short, so that tests wait for little."""

    folder: Path
    database_url: str | None = None
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def data_folder(self) -> Path:
        return self.folder / "data"

    @property
    def environment(self) -> dict[str, str]:
        usual = {"data_folder": str(self.data_folder), "http_port": "0", "grpc_port": "0", "admin_port": "0"}
        quick = {"sign_seconds": "0.2", "anchor_seconds": "0.3", "integrate_milliseconds": "50"}
        url = {"database_url": self.database_url} if self.database_url else {}
        chosen = {**usual, **quick, **url, **self.settings}
        return clean_environment(**{f"CONCORDAT_{name.upper()}": value for name, value in chosen.items()})

    def serve(self, *options: str, name: str = "serve") -> Process:
        """Not started yet; its log is in the folder."""
        return Process(
            [*COMMAND, "serve", *options], log=self.folder / f"{name}.log", ready=READY, env=self.environment
        )

    def run(self, *words: str, within_seconds: float = 60.0) -> "subprocess.CompletedProcess[str]":
        """A command to its end; nothing is checked."""
        return subprocess.run(
            [*COMMAND, *words],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_seconds,
            check=False,
        )

    def where(self) -> Running:
        """Where the process that serves this data folder listens."""
        running = find_running(self.data_folder)
        assert running is not None
        return running

    @property
    def api(self) -> str:
        api = self.where().api
        assert api is not None
        return api


def token_of(process: Process) -> str:
    """The token for trying things out that a process of the local profile announced."""
    found = re.search(r"Token\s+(v4\.public\.\S+)", process.output())
    assert found is not None
    return found[1]


def said(done: "subprocess.CompletedProcess[str]") -> str:
    """Everything that a command printed, for the message of a failing test."""
    return f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
