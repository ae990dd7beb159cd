"""Our client against the official one for Node: the same chaincode on the same network, round by round in turn.

Both run in processes of their own, which share the machine with the network, as whoever tries them out has it.
"""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex
from statistics import median
from typing import Any

from benchmarks.measures import Goal, Measured, Ratio
from benchmarks.rounds import alternate
from concordat.fabric.plan import Wish
from tests.support import node
from tests.support.fabric import FabricNetwork
from tests.support.node import OfficialClient
from tests.support.processes import Process

IN_FLIGHT = (1, 16, 64, 256)
GOAL = Goal(value=1.0)
BLOCKS = Wish(organisations=1, max_messages=100, batch_timeout_milliseconds=20)
"""Where many are in flight: blocks of many, cut soon, so that the clients wait for each other and not for the clock."""

_ROOT = Path(__file__).parents[2]
_READY = r"listens on (\d+)"
_WARMING, _WARMING_IN_FLIGHT = 500, 32
"""Node compiles what it runs often: its client takes several times as long while it is cold."""

_VALUE = "some forty bytes, as of a small record.."


@dataclass(slots=True)
class Side:
    """One of the two clients, with what its rounds came to."""

    client: OfficialClient
    milliseconds: list[float] = field(default_factory=list)
    processor_us: list[float] = field(default_factory=list)
    megabytes: float = 0.0

    async def run(self, chaincode: str, kind: str, calls: int, in_flight: int) -> float:
        """One round, in calls a second."""
        call, arguments = ("get", _reads) if kind == "evaluate" else ("put", _writes)
        done: dict[str, Any] = await self.client.ask(
            "load", chaincode=chaincode, kind=kind, call=call, calls=arguments(calls), in_flight=in_flight
        )
        self.milliseconds.append(median(done["milliseconds"]))
        self.processor_us.append(done["processor_seconds"] / calls * 1e6)
        self.megabytes = done["megabytes"]
        return float(calls / done["seconds"])

    def notes(self, name: str) -> dict[str, object]:
        """Of the rounds that count."""
        return {
            f"{name} median ms": round(median(self.milliseconds[1:]), 1),
            f"{name} processor µs per call": round(median(self.processor_us[1:])),
            f"{name} MB": round(self.megabytes),
        }


async def measure(
    network: FabricNetwork, kinds: Sequence[str], flights: Sequence[int], *, quick: bool
) -> list[Measured]:
    """Each kind of call at each number in flight, by the same two processes, neither of them cold."""
    async with _both(network) as (ours, theirs):
        for side in (ours, theirs):
            for kind in kinds:
                await side.run(network.chaincode, kind, _WARMING, _WARMING_IN_FLIGHT)
        return [
            await _compared(network, (ours, theirs), kind, in_flight, rounds=2 if quick else 5)
            for kind in kinds
            for in_flight in flights
        ]


async def _compared(
    network: FabricNetwork, sides: tuple[Side, Side], kind: str, in_flight: int, *, rounds: int
) -> Measured:
    calls = max(40, in_flight * 4) if kind == "submit" else max(200, in_flight * 6)
    ours, theirs = (replace(side, milliseconds=[], processor_us=[]) for side in sides)
    rates = await alternate(
        lambda: ours.run(network.chaincode, kind, calls, in_flight),
        lambda: theirs.run(network.chaincode, kind, calls, in_flight),
        rounds,
    )
    return Ratio(
        name=f"fabric {kind}, {in_flight} in flight",
        unit="/s",
        subject=rates.subject,
        control=rates.control,
        goal=GOAL,
        notes={"Fabric": network.version, "calls a round": calls, **ours.notes("our"), **theirs.notes("their")},
    )


@asynccontextmanager
async def _both(network: FabricNetwork) -> AsyncIterator[tuple[Side, Side]]:
    """Ours and theirs, each in a process of its own, as the same identity at the same peer."""
    logs = network.folder / "clients"
    processes = [
        Process([sys.executable, "-m", "benchmarks.fabric.ours"], log=logs / "ours.log", ready=_READY, cwd=_ROOT),
        node.client(logs / "official.log"),
    ]
    peer = network.peers[0]
    async with AsyncExitStack() as stack:
        sides = []
        for process in processes:
            stack.callback(process.kill)
            port = int(process.start()[1])
            opened = node.official_client(port, network.channel, peer, network.identity(peer.msp_id))
            sides.append(Side(await stack.enter_async_context(opened)))
        yield sides[0], sides[1]


def _writes(calls: int) -> list[list[str]]:
    return [[token_hex(8), _VALUE] for _ in range(calls)]


def _reads(calls: int) -> list[list[str]]:
    return [["nothing"]] * calls
