"""Check-ins through REST against the very statements that they execute, recorded and replayed at equal concurrency.

Three copies of one database with confirmed visits: on the first the check-ins are recorded, on the second they are
replayed, on the third the product does them. So each visit checks in once on each copy, from the same state.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from uuid import UUID, uuid4

import httpx2
from prometheus_client import CollectorRegistry

from adapters.inbound.rest.edge.metrics import Metrics
from benchmarks.generator import Generator, mean_cost_us, request
from benchmarks.load import Job, Outcome
from benchmarks.measures import Goal, Measured, Ratio
from benchmarks.recording import Replayer, Transaction, recorded, replaying
from benchmarks.rounds import Rates, alternate
from benchmarks.servers import Target, product
from benchmarks.stage import Stage, two_clubs
from concordat.container import System
from concordat.edges import rest_app
from concordat.readiness import Readiness
from tests.support.databases import PostgresDatabase

CONNECTIONS = 8
GOAL = Goal(value=0.35)
BODY = "{}"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A database in which nobody has checked in yet, the visits that may, and a token of the host's desk."""

    database: PostgresDatabase
    visits: list[UUID]
    token: str


async def prepare(stage: Stage, visits: int) -> Prepared:
    """Confirmed visits, made by the use cases."""
    database = stage.template.copy()
    async with stage.opened(database) as system:
        desks = await two_clubs(system)
        made = Prepared(database=database, visits=await desks.visits(visits), token=desks.token(desks.host))
    stage.settled(database)
    return made


async def record(system: System, visits: Sequence[UUID], token: str) -> list[Transaction]:
    """Check each visit in through the REST app in this process, one after the other: their statements, in order."""
    app = rest_app(system, Readiness(system), Metrics(CollectorRegistry()))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://recording", headers=headers) as client:
        with recorded() as transactions:
            for visit in visits:
                answer = await client.post(_path(visit), content=BODY, headers={"Idempotency-Key": uuid4().hex})
                answer.raise_for_status()
    if len(transactions) != len(visits):
        raise RuntimeError(f"{len(visits)} check-ins were {len(transactions)} transactions")
    return transactions


@dataclass(frozen=True, kw_only=True)
class Course:
    """Both sides of the comparison; each round takes the next `size` check-ins of its side."""

    target: Target
    generator: Generator
    replayer: Replayer
    size: int

    async def run(
        self, requests: Sequence[str], transactions: Sequence[Transaction], rounds: int
    ) -> tuple[Rates, list[Outcome]]:
        """Rates in check-ins a second, and what the generator saw."""
        waiting, recorded_ones = iter(requests), iter(transactions)
        outcomes: list[Outcome] = []

        async def through_rest() -> float:
            job = Job(
                host=self.target.host,
                port=self.target.port,
                connections=CONNECTIONS,
                requests=[*islice(waiting, self.size)],
            )
            outcomes.append(await self.generator.run(job))
            return outcomes[-1].rate

        async def replayed() -> float:
            batch = [*islice(recorded_ones, self.size)]
            began = time.perf_counter()
            await self.replayer.run(batch)
            return len(batch) / (time.perf_counter() - began)

        return await alternate(through_rest, replayed, rounds), outcomes


async def measure(stage: Stage, generator: Generator, *, quick: bool) -> Sequence[Measured]:
    """The ratio, with what of it is processor time of the serving process."""
    rounds, size = (4, 16) if quick else (10, 40)
    prepared = await prepare(stage, (rounds + 1) * size)
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(stage.copied(prepared.database)) for _ in range(3))
        async with stage.opened(first) as system:
            transactions = await record(system, prepared.visits, prepared.token)
        target = stack.enter_context(product(stage, third))
        requests = [_request(visit, prepared.token) for visit in prepared.visits]
        before = target.processor_seconds
        async with replaying(second.url, CONNECTIONS) as replayer:
            course = Course(target=target, generator=generator, replayer=replayer, size=size)
            rates, outcomes = await course.run(requests, transactions, rounds)
        used = (target.processor_seconds - before) / len(requests)
    return [
        Ratio(
            name="check-in",
            unit="/s",
            subject=rates.subject,
            control=rates.control,
            goal=GOAL,
            notes={
                "connections": CONNECTIONS,
                "statements per check-in": len(transactions[-1]),
                "subject processor µs per check-in": round(used * 1e6),
                "subject median ms": round(outcomes[-1].median_ms, 1),
                "generator µs per request": round(mean_cost_us(outcomes)),
            },
        )
    ]


def _path(visit: UUID) -> str:
    return f"/v1/visits/{visit}/check-in"


def _request(visit: UUID, token: str) -> str:
    return request("POST", _path(visit), token, BODY, idempotency_key=uuid4().hex)
