"""Ctrl-C of a command: it ends at once, wherever it is."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_SHOW_CURSOR = b"\x1b[?25h\n"


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of a command's coroutine.

    asyncio by itself would cancel it only where it waits next, and imports, of which commands begin with many, wait
    nowhere; what was begun to be wired would then complain aloud.
    """
    before = signal.signal(signal.SIGINT, leave)
    try:
        return asyncio.run(work)
    finally:
        signal.signal(signal.SIGINT, before)


def leave(number: int, _frame: object = None) -> None:
    """At once: what is written is safe against worse, and the operating system lets go of every lock."""
    if sys.stderr.isatty():
        # A bar of progress hides it.
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)
    os._exit(128 + number)
