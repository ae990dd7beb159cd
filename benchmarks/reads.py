"""Reads over HTTP: the product's process against bare FastAPI with raw asyncpg, on the same database and machine."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2

from benchmarks.generator import Generator, mean_cost_us, request
from benchmarks.load import Job, Outcome
from benchmarks.measures import Figure, Goal, Measured, Ratio
from benchmarks.rounds import alternate
from benchmarks.servers import Target, bare, product
from benchmarks.stage import Stage, two_clubs
from tests.support.databases import PostgresDatabase

CONNECTIONS = 8
MEMBERS = 200
"""More than one page, few enough to stay in every cache: what is measured is code and not the disk."""

LIST = "/v1/members?limit=50"
WELL_OVER, OVER = 0.8, 0.7


class Unlike(Exception):
    """The control answers something else than the product, so that a comparison would mean nothing."""


@dataclass(frozen=True, kw_only=True)
class Arena:
    """Both servers, what sends the load, and how much of it."""

    subject: Target
    control: Target
    generator: Generator
    rounds: int
    seconds: float

    async def compare(self, name: str, requests: list[str], goal: float) -> Ratio:
        """The same requests to both, in turn."""
        ours, theirs = _Side(self, self.subject, requests), _Side(self, self.control, requests)
        rates = await alternate(ours.round, theirs.round, self.rounds)
        return Ratio(
            name=name,
            unit="/s",
            subject=rates.subject,
            control=rates.control,
            goal=Goal(value=goal),
            notes={
                "connections": CONNECTIONS,
                "generator µs per request": round(mean_cost_us(ours.outcomes + theirs.outcomes)),
                **ours.notes("subject"),
                **theirs.notes("control"),
            },
        )


class _Side:
    """One of the two, with what its rounds came to."""

    def __init__(self, arena: Arena, target: Target, requests: list[str]) -> None:
        self._arena, self._target = arena, target
        self._job = Job(
            host=target.host, port=target.port, connections=CONNECTIONS, requests=requests, seconds=arena.seconds
        )
        self._used_before = target.processor_seconds
        self.outcomes: list[Outcome] = []

    async def round(self) -> float:
        self.outcomes.append(await self._arena.generator.run(self._job))
        return self.outcomes[-1].rate

    def notes(self, whose: str) -> dict[str, object]:
        """Processor time is what a busy machine distorts least."""
        answered = sum(each.answered for each in self.outcomes)
        used = self._target.processor_seconds - self._used_before
        return {
            f"{whose} processor µs per request": round(used / answered * 1e6),
            f"{whose} median ms": round(sorted(each.median_ms for each in self.outcomes)[len(self.outcomes) // 2], 2),
            f"{whose} p99 ms": round(max(each.p99_ms for each in self.outcomes), 2),
        }


async def measure(stage: Stage, generator: Generator, *, quick: bool) -> Sequence[Measured]:
    """A single read, a list of 50, and the memory of the serving process before and after."""
    database, members, token = await _prepared(stage)
    with ExitStack() as stack:
        subject = stack.enter_context(product(stage, database))
        control = stack.enter_context(bare(stage, database))
        paths = [f"/v1/members/{member}" for member in members]
        for path in (paths[0], LIST):
            check_alike(path, token, subject, control)
        idle = subject.megabytes
        arena = Arena(
            subject=subject,
            control=control,
            generator=generator,
            rounds=4 if quick else 12,
            seconds=0.5 if quick else 1.0,
        )
        single = await arena.compare("single read", [request("GET", path, token) for path in paths], WELL_OVER)
        many = await arena.compare("list of 50", [request("GET", LIST, token)], OVER)
        memory = Figure(
            name="memory under load, on Postgres",
            unit="MB",
            rounds=[subject.megabytes],
            notes={"idle MB": round(idle), "control under load MB": round(control.megabytes)},
        )
    return single, many, memory


def check_alike(path: str, token: str, subject: Target, control: Target) -> None:
    """Raises Unlike unless both answer the same rows; cursors are the product's own."""
    ours, theirs = (_rows(f"{target.url}{path}", token) for target in (subject, control))
    if ours != theirs:
        raise Unlike(f"{path}: {ours} is not {theirs}")


def _rows(url: str, token: str) -> Any:
    answer = httpx2.get(url, headers={"Authorization": f"Bearer {token}"}).raise_for_status().json()
    return answer.get("data", answer)


async def _prepared(stage: Stage) -> tuple[PostgresDatabase, list[UUID], str]:
    database = stage.template.copy()
    async with stage.opened(database) as system:
        desks = await two_clubs(system)
        members = await desks.members(MEMBERS)
        token = desks.token(desks.home)
    stage.settled(database)
    return database, members, token
