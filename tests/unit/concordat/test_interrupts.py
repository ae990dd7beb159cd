"""Ctrl-C ends a command where it stands, without a word."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from concordat.interrupts import run
from tests.support.processes import clean_environment

PROGRAM = """
import os, signal, time
from concordat.interrupts import run

async def busy():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

run(busy())
"""


def test_command_that_waits_nowhere_ends_at_once_and_says_nothing(tmp_path: Path) -> None:
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=clean_environment(PYTHONPATH=paths),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_afterwards_ctrl_c_is_what_it_was() -> None:
    async def work() -> str:
        return "done"

    before = signal.getsignal(signal.SIGINT)
    assert run(work()) == "done"
    assert signal.getsignal(signal.SIGINT) is before
