"""An event loop whose time is a number: nothing waits, and the next thing that is due happens at once."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

BEGINNING_SECONDS = 1_800_000_000
"""Since 1970: when virtual time begins."""


class Deadlock(Exception):
    """Every task waits, and nothing is due any more."""


class _VirtualSelector(selectors.SelectSelector):
    """Passes time instead of waiting."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise Deadlock
        if not ready:
            self.passed += timeout or 0.0
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()`, and so every sleep and timeout of asyncio, is virtual."""

    def __init__(self) -> None:
        self._virtual = _VirtualSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.passed


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """What asyncio.run does, in virtual time; raises Deadlock where nothing would ever happen again."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def virtual_now() -> int:
    """Nanoseconds since 1970, by the running loop's time."""
    return BEGINNING_SECONDS * 1_000_000_000 + int(asyncio.get_running_loop().time() * 1_000_000_000)
