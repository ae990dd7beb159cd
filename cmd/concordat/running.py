"""Where the running server is: it leaves a note in the data folder, by which commands beside it find it."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

NOTE = "running.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The process and its addresses; `api` and `admin` are URLs, `grpc` is host:port; None if not served."""

    pid: int
    api: str | None
    grpc: str | None
    admin: str | None


def leave_note(data_folder: Path, running: Running) -> None:
    """To be left once everything listens."""
    complete = data_folder / f"{NOTE}.{running.pid}"
    complete.write_text(json.dumps(asdict(running)))
    complete.replace(data_folder / NOTE)


def take_note_away(data_folder: Path) -> None:
    """At the end; another process's note stays."""
    found = find_running(data_folder)
    if found is not None and found.pid == os.getpid():
        (data_folder / NOTE).unlink(missing_ok=True)


def find_running(data_folder: Path) -> Running | None:
    """The server that serves this data folder, if its process lives; a note left by a crash counts for none."""
    try:
        running = Running(**json.loads((data_folder / NOTE).read_text()))
        os.kill(running.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return running
