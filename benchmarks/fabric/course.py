"""What is measured on which network: all of it on real ones, made of Fabric's own programs."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from benchmarks.fabric import anchoring, clients
from benchmarks.measures import Measured
from benchmarks.stage import Stage
from concordat.fabric.chaincode import own_chaincode
from concordat.fabric.programs import PAGE
from tests.support import node
from tests.support.fabric import FabricNetwork
from tests.support.fabric_programs import versions


async def measure(stage: Stage, *, quick: bool) -> Sequence[Measured]:
    """What needs programs that are not here is left out, and said to be."""
    if not versions():
        _say(f"fabric: not measured, no peer and orderer found (see {PAGE})")
        return []
    measured: list[Measured] = []
    if node.ready():
        async with _running(FabricNetwork()) as network:
            measured += await clients.measure(network, ("submit",), (1,), quick=quick)
        async with _running(FabricNetwork(wish=clients.BLOCKS)) as network:
            measured += await clients.measure(network, ("submit",), clients.IN_FLIGHT[1:], quick=quick)
            measured += await clients.measure(network, ("evaluate",), clients.IN_FLIGHT, quick=quick)
    else:
        _say(f"fabric: our client has nothing to be compared with: the official one was {node.lacking() or 'not had'}")
    async with _running(FabricNetwork(serve=own_chaincode)) as network:
        measured += await anchoring.measure(stage, network, quick=quick)
    return measured


@asynccontextmanager
async def _running(network: FabricNetwork) -> AsyncIterator[FabricNetwork]:
    """Started and closed in a thread, since that takes event loops of its own."""
    try:
        await asyncio.to_thread(network.start)
        yield network
    finally:
        await asyncio.to_thread(network.close)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
