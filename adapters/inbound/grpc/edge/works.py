"""The work behind rpcs, each in a task of its own: who waits for it may give up, and it still comes to its own end.

A transaction that is torn apart in the middle may keep its locks for longer than it would have taken.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from adapters.inbound.grpc.edge.refusals import RefusedByRules, TooSlow
from shared.errors import ConcordatError

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger("concordat.grpc")


@dataclass(frozen=True, slots=True)
class Works:
    """What is being worked on in this process; adapters bound how long any of it takes."""

    _tasks: set["asyncio.Task[bytes]"] = field(default_factory=set)

    async def within(self, seconds: float, work: Coroutine[Any, Any, bytes]) -> bytes:
        """What the work gives or raises; raises TooSlow when it takes longer, and then lets it go on."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            task.add_done_callback(_nobody_waits)
            raise
        if not task.done():
            task.add_done_callback(_nobody_waits)
            raise TooSlow
        return task.result()

    async def end(self, grace_seconds: float) -> None:
        """Returns when nothing is worked on any more: what outlasts the grace is cancelled."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _nobody_waits(task: "asyncio.Task[bytes]") -> None:
    """A fault is still told, in the log; a refusal has nobody left to hear it."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, ConcordatError | RefusedByRules):
        _log.error("unhandled", exc_info=error)
