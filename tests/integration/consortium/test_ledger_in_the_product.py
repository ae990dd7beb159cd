"""The product over a ledger on Fabric: wired by its profile, and what happens to logs while the network is away."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fabric_simulator.network import SimulatedNetwork
from tests.support.consortium import consortium, write_profile
from tests.support.databases import MEMORY
from tests.support.logs import verified
from tests.support.scenes import found
from tests.support.world import World, caller, world_at


@pytest.fixture
async def network() -> AsyncIterator[SimulatedNetwork]:
    async with consortium() as network:
        yield network


@pytest.fixture
async def world(network: SimulatedNetwork, tmp_path: Path) -> AsyncIterator[World]:
    profile = write_profile(network, tmp_path)
    async with world_at(MEMORY, tmp_path / "data", ledger_url=f"fabric:{profile}") as world:
        yield world


async def test_a_log_is_anchored_and_its_receipt_has_the_word_of_a_consortium(world: World) -> None:
    club = caller((await found(world)).id)
    await world.settle()
    assert await verified(world, club) == 1
