"""A process of the network as far as faults go: it runs, stands still, or is dead, and its clock may be wrong."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Now = Callable[[], int]
"""Nanoseconds since 1970."""


class Unreachable(Exception):
    """Nobody listens there, or whoever listened died before answering."""


class Node:
    """A peer or an orderer. What it does for others it does in `run`, so that a kill ends it."""

    def __init__(self, name: str, now: Now) -> None:
        self.name = name
        self.alive = True
        self.skew_seconds = 0.0
        self._now = now
        # In the order in which they began, so that a kill ends them in the same order always.
        self._running: dict[asyncio.Task[Any], None] = {}
        self._streamed: dict[asyncio.Task[Any], None] = {}
        self._awake = asyncio.Event()
        self._awake.set()

    def now(self) -> int:
        """By this node's own clock."""
        return self._now() + int(self.skew_seconds * 1_000_000_000)

    def dead(self) -> bool:
        return not self.alive

    @property
    def frozen(self) -> bool:
        return not self._awake.is_set()

    async def awake(self) -> None:
        """Returns when the node does not stand still."""
        while not self._awake.is_set():
            await self._awake.wait()

    async def run(self, work: Coroutine[Any, Any, T], *, streamed: bool = False) -> T:
        """Does the work when the node is awake, and answers when it is; what is `streamed` ends also by `cut_streams`.

        Raises Unreachable if the node is dead, or dies before it is done.
        """
        if self.dead():
            work.close()
            raise Unreachable
        task = asyncio.ensure_future(self._awake_for(work))
        tasks = self._streamed if streamed else self._running
        tasks[task] = None
        task.add_done_callback(tasks.pop)
        # One that is ended before it began would leave it open.
        task.add_done_callback(lambda _: work.close())
        try:
            return await task
        except asyncio.CancelledError:
            if not _cancelling():
                raise Unreachable from None
            raise

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that nobody waits for, and that a kill ends."""
        task = asyncio.ensure_future(work)
        self._running[task] = None
        task.add_done_callback(self._running.pop)

    def freeze(self) -> None:
        self._awake.clear()

    def thaw(self) -> None:
        self._awake.set()

    async def kill(self) -> None:
        self.alive = False
        self._awake.set()
        await _ended([*self._running, *self._streamed])

    async def cut_streams(self) -> None:
        """As a connection that is lost; the node lives."""
        await _ended([*self._streamed])

    def revive(self) -> None:
        self.alive = True

    async def _awake_for(self, work: Coroutine[Any, Any, T]) -> T:
        await self.awake()
        done = await work
        await self.awake()
        return done


async def _ended(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
