"""Runs jobs side by side, each in a loop of its own: one that fails is tried again later and disturbs no other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

LONGEST_BACKOFF_SECONDS = 30.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`tick` is one turn of work, every so many seconds after the last one ended, or as soon as `wake` is set."""

    name: str
    every_seconds: float
    tick: Callable[[], Awaitable[object]]
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Pause(Protocol):
    """Waits until the seconds are over or the event is set."""

    async def __call__(self, seconds: float, until: asyncio.Event) -> None: ...


async def pause(seconds: float, until: asyncio.Event) -> None:
    """By the clock of the event loop."""
    try:
        async with asyncio.timeout(seconds):
            await until.wait()
    except TimeoutError:
        return


class Runner:
    """`may_run` is asked before each turn: a worker that lost its lock pauses, and goes on when it has it again."""

    def __init__(
        self, jobs: Sequence[Job], *, may_run: Callable[[], bool] = lambda: True, pause: Pause = pause
    ) -> None:
        self._jobs = tuple(jobs)
        self._may_run = may_run
        self._pause = pause
        self._stopping = False
        self.failing: dict[str, int] = {}
        """How often each failing job has failed in a row, by name."""

    async def run(self) -> None:
        """Run every job until `stop`; returns when the last turn has ended."""
        async with asyncio.TaskGroup() as group:
            for job in self._jobs:
                group.create_task(self._loop(job), name=f"job:{job.name}")

    def stop(self) -> None:
        """Begin no further turn."""
        self._stopping = True
        for job in self._jobs:
            job.wake.set()

    async def _loop(self, job: Job) -> None:
        while not self._stopping:
            job.wake.clear()
            if self._may_run():
                await self._turn(job)
            if not self._stopping:
                await self._pause(self._delay(job), job.wake)

    async def _turn(self, job: Job) -> None:
        try:
            await job.tick()
        except Exception as error:
            times = self.failing[job.name] = self.failing.get(job.name, 0) + 1
            # The first failure is told whole, the following ones in a line: a dead database would fill the disk.
            _log.error("job failed", job=job.name, times=times, error=error, exc_info=times == 1)
        else:
            if self.failing.pop(job.name, 0):
                _log.info("job recovered", job=job.name)

    def _delay(self, job: Job) -> float:
        """Twice as long after each failure, so that what is down is not pressed."""
        times = self.failing.get(job.name, 0)
        return min(job.every_seconds * float(2 ** min(times, 20)), max(job.every_seconds, LONGEST_BACKOFF_SECONDS))
