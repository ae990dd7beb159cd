"""Anchoring on Fabric: how long a recorded event waits for its anchor, and what the chaincode spends on one."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median, quantiles
from uuid import UUID

import asyncpg

from adapters.outbound.fabric.gateway.events import Checkpoint
from adapters.outbound.fabric.gateway.gateway import Contract
from benchmarks.measures import Figure, Measured
from benchmarks.stage import Desks, Stage, log_of, two_clubs
from benchmarks.usage import processor_seconds, resident_megabytes
from concordat import clocks
from concordat.container import System
from shared.canonical import dumps
from tests.contracts.ledger import HONEST
from tests.support.chaincode import item
from tests.support.databases import PostgresDatabase
from tests.support.fabric import FabricNetwork

USUAL = {"integrate_milliseconds": "200", "sign_seconds": "1", "anchor_seconds": "10"}
"""The product's own intervals: an installation for tests has shorter ones."""

_LONGEST_SECONDS = 60
_POLL_SECONDS = 0.05
_LEAVES = """SELECT directory.origin, leaf.index, event.at FROM leaf
JOIN event ON event.id = leaf.event_id JOIN directory ON directory.club = leaf.club_id
WHERE event.at >= $1 AND leaf.club_id = $2"""

_RECORDED = """SELECT count(*) FROM record JOIN event ON event.id = record.event_id
WHERE event.at >= $1 AND record.club_id = $2"""


@dataclass(slots=True)
class Heard:
    """When which size of which log was committed, as the peer's events told."""

    anchors: dict[str, list[tuple[int, datetime]]] = field(default_factory=dict)

    async def listen(self, contract: Contract) -> None:
        async for event in contract.follow(Checkpoint(block_number=0)):
            at = clocks.now()
            for each in json.loads(event.payload) if event.name == "CheckpointsAnchored" else ():
                self.anchors.setdefault(each["origin"], []).append((each["size"], at))

    def covered(self, origin: str, leaf: int) -> datetime | None:
        """When the first anchor that covers the leaf was committed."""
        return next((at for size, at in self.anchors.get(origin, ()) if size > leaf), None)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where events are recorded, and how long they waited is read."""

    system: System
    desks: Desks
    database: PostgresDatabase
    heard: Heard

    @property
    def club(self) -> UUID:
        return self.desks.home.of_club

    async def ask(self) -> None:
        """For an anchor on demand."""
        await log_of(self.system).workers.anchoring.ask(self.desks.home)

    async def lags(self, since: datetime) -> list[float]:
        """Seconds from each event of the home club since then to its committed anchor; waits for the last of them."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        while True:
            leaves = await self._leaves(since)
            at = [(self.heard.covered(origin, index), recorded) for origin, index, recorded in leaves]
            found = [(anchored - recorded).total_seconds() for anchored, recorded in at if anchored is not None]
            if leaves and len(found) == len(leaves) and not await self._waiting(since, len(leaves)):
                return found
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(found)} of {len(leaves)} events were anchored in {_LONGEST_SECONDS} s")
            await asyncio.sleep(_POLL_SECONDS)

    async def _leaves(self, since: datetime) -> Sequence[tuple[str, int, datetime]]:
        return [tuple(row) for row in await self._rows(_LEAVES, since, self.club)]

    async def _waiting(self, since: datetime, leaves: int) -> bool:
        """Whether an event has no leaf yet."""
        return bool((await self._rows(_RECORDED, since, self.club))[0][0] > leaves)

    async def _rows(self, statement: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database.superuser_url)
        try:
            return await connection.fetch(statement, *values)
        finally:
            await connection.close()


async def measure(stage: Stage, network: FabricNetwork, *, quick: bool) -> list[Measured]:
    """The product with a worker of its own and its usual intervals, and the contract alone."""
    seconds, asked = (12, 5) if quick else (40, 30)
    async with _anchoring(stage, network) as desk:
        usual = await _usual(desk, seconds)
        demanded = await _on_demand(desk, asked)
    return [
        *_lag("at the usual intervals", usual, network),
        *_lag("on demand", demanded, network),
        *await _contract_alone(network, anchors=40 if quick else 300),
    ]


async def _usual(desk: Desk, seconds: float) -> list[float]:
    """Some fifteen events a second, evenly, so that they meet the intervals at every point."""
    since, until = clocks.now(), time.monotonic() + seconds
    while time.monotonic() < until:
        await desk.desks.members(1)
        await asyncio.sleep(0.15)
    return await desk.lags(since)


async def _on_demand(desk: Desk, times: int) -> list[float]:
    """The last event of each time, which is when somebody asks."""
    found = []
    for _ in range(times):
        since = clocks.now()
        await desk.desks.members(1)
        await desk.ask()
        found.append(min(await desk.lags(since)))
    return found


def _lag(when: str, seconds: Sequence[float], network: FabricNetwork) -> list[Measured]:
    notes = {"events": len(seconds), "Fabric": network.version, "longest s": round(max(seconds), 2)}
    cuts = quantiles(seconds, n=100, method="inclusive")
    return [
        Figure(name=f"fabric anchoring lag {when}, p50", unit="s", rounds=[cuts[49]], notes=notes),
        Figure(name=f"fabric anchoring lag {when}, p99", unit="s", rounds=[cuts[98]]),
    ]


@asynccontextmanager
async def _anchoring(stage: Stage, network: FabricNetwork) -> AsyncIterator[Desk]:
    """A worker that anchors in a process of its own, use cases in this one, and somebody who listens to the peer."""
    database, heard = stage.template.copy(), Heard()
    ledger_url = f"fabric:{network.network.plan.profile}"
    worker = stage.installation(database, ledger_url=ledger_url, **USUAL).serve("--role", "worker", name="anchoring")
    async with stage.opened(database, ledger_url=ledger_url) as system, network.client() as contract:
        desks = await two_clubs(system)
        listening = asyncio.create_task(heard.listen(contract))
        try:
            with worker:
                yield Desk(system, desks, database, heard)
                worker.terminate()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    stage.template.server.drop_database(database.name)


async def _contract_alone(network: FabricNetwork, anchors: int) -> list[Measured]:
    """One log, one checkpoint a transaction, one after the other, past the product: what each of the processes spends.

    The network's blocks take as long as they are set to.
    """
    steps = [dumps([item(HONEST.submission(size, size - 1))]) for size in range(2, anchors + 2)]
    async with network.client() as contract:
        await contract.submit("RegisterLog", HONEST.origin, str(HONEST.key))
        await contract.submit("Anchor", dumps([item(HONEST.submission(1))]))
        with _spent(network) as spent:
            milliseconds = [await _timed(contract.submit("Anchor", step)) for step in steps]
    used = {name: round(seconds / anchors * 1e6) for name, seconds in spent.items()}
    chaincode = network.network.node("org1.chaincode").pid
    notes = {"anchors": anchors, "Fabric": network.version, **{f"{name} µs": us for name, us in used.items()}}
    return [
        Figure(name="fabric anchor, submit to commit", unit="ms", rounds=[median(milliseconds)], notes=notes),
        Figure(name="fabric chaincode processor time per anchor", unit="µs", rounds=[used["org1.chaincode"]]),
        Figure(name="fabric chaincode memory", unit="MB", rounds=[resident_megabytes(chaincode)]),
    ]


async def _timed(call: Awaitable[object]) -> float:
    """In milliseconds."""
    began = time.perf_counter()
    await call
    return (time.perf_counter() - began) * 1000


@contextmanager
def _spent(network: FabricNetwork) -> Iterator[dict[str, float]]:
    """Processor seconds of each of the network's processes, and of this one, when the block is over."""
    nodes = network.network.nodes
    before = {node.name: processor_seconds(node.pid) for node in nodes}
    own, spent = time.process_time(), dict[str, float]()
    yield spent
    spent |= {node.name: processor_seconds(node.pid) - before[node.name] for node in nodes}
    spent["client"] = time.process_time() - own
