"""The product over a ledger on Fabric: wired by its profile, and what happens to logs while the network is away."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from app.clubs.visits import CheckIn
from concordat.edges import ledger_gauges
from core.log.receipts import Assurance, State, Verification, verify_receipt
from ports.caller import Caller
from ports.ledger import LedgerUnavailable
from tests.contracts.worlds import renamed
from tests.fabric_simulator.network import SimulatedNetwork
from tests.support.consortium import consortium, write_profile
from tests.support.logs import verified
from tests.support.scenes import found
from tests.support.world import World, caller, world_at

PEERS = ("org1.peer", "org2.peer")


@pytest.fixture
async def network() -> AsyncIterator[SimulatedNetwork]:
    async with consortium() as network:
        yield network


class Place:
    """A database, and the profile of a network that may be there or not."""

    def __init__(self, url: str, folder: Path, profile: Path) -> None:
        self.url, self.folder, self.profile = url, folder, profile

    def world(self) -> AbstractAsyncContextManager[World]:
        """From the start of a process to its end."""
        return world_at(self.url, self.folder, ledger_url=f"fabric:{self.profile}")


@pytest.fixture
def place(network: SimulatedNetwork, sqlite_url: str, tmp_path: Path) -> Place:
    return Place(sqlite_url, tmp_path / "world", write_profile(network, tmp_path))


async def away(network: SimulatedNetwork) -> None:
    for peer in PEERS:
        await network.kill(peer)


async def back(network: SimulatedNetwork) -> None:
    for peer in PEERS:
        await network.restart(peer)


async def turn(world: World) -> bool:
    """One turn of each stage; whether the ledger was there."""
    await world.pipeline.integrate()
    await world.pipeline.sign()
    try:
        await world.pipeline.anchor()
    except LedgerUnavailable:
        return False
    return True


async def anchored_again(world: World) -> None:
    """A connection is dialled again after a pause."""
    for _ in range(200):
        if await turn(world) and not world.pipeline.unanchored:
            return
        world.clock.forward(seconds=60)
    raise AssertionError("never anchored")


async def first_receipt(world: World, club: Caller) -> Verification:
    """Of the club's genesis."""
    async with world.begin_log(club) as tx:
        (event,) = [row["aggregate_id"] for row in ()] or [await _genesis(tx)]
    receipt = await world.log.receipts.get(club, event)
    return verify_receipt(receipt, await world.log.trust.bundle(), world.system.infrastructure.signatures)
