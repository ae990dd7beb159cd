"""A log's key is exchanged on Fabric while peers answer and the orderer takes nothing: no receipt waits for it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.outbound.fabric.ledger import FabricLedger, Patience
from ports.ledger import CommitUnknown
from tests.contracts.worlds import renamed
from tests.fabric_simulator.network import SimulatedNetwork
from tests.integration.log.restoring import grown
from tests.integration.log.rotating import is_good, keys_of, origin_of, receipt_at, signed_within_ranges
from tests.support.consortium import consortium, write_profile
from tests.support.logs import verified
from tests.support.scenes import found
from tests.support.world import caller, world_at

HASTY = Patience(asked_first_seconds=0.1, commit_seconds=0.3, sendings=2)


@pytest.fixture
async def network() -> AsyncIterator[SimulatedNetwork]:
    async with consortium() as network:
        yield network


async def test_receipts_are_made_while_an_orderer_is_frozen_and_verify_with_old_and_new_bundles(
    network: SimulatedNetwork, sqlite_url: str, tmp_path: Path
) -> None:
    profile = write_profile(network, tmp_path)
    async with world_at(sqlite_url, tmp_path / "world", ledger_url=f"fabric:{profile}") as world:
        club, ledger = caller((await found(world)).id), world.ledger
        await grown(world, club, "One", "Two")
        before = await world.log.trust.exported()
        assert isinstance(ledger, FabricLedger)
        gateway = ledger._contract.gateway
        ledger._patience, gateway.limits = HASTY, replace(gateway.limits, submit_seconds=0.3)
        await network.freeze("orderer")
        number, pipeline = await world.pipeline.rotation.ask(club.of_club), world.pipeline
        receipts = []
        for index, name in enumerate(("Three", "Four"), 3):
            await renamed(world, club, name)
            await pipeline.integrate()
            await pipeline.sign()
            receipts.append(await receipt_at(world, club, index))
            await pipeline.rotate()
            assert isinstance(pipeline.rotation.turns.troubled[club.of_club].error, CommitUnknown)
            world.clock.forward(minutes=1)
        await network.thaw("orderer")
        await pipeline.rotate()
        new = await pipeline.rotation.done(club.of_club, number)
        assert new is not None and await keys_of(world, club) == tuple(await ledger.keys(await origin_of(world, club)))
        assert new.from_size == 5, "beyond the newest checkpoint when it was asked for first"
        await world.settle()
        assert await signed_within_ranges(world, club) == [1, 1, 2, 2]
        assert await verified(world, club) == 6
        after = await world.log.trust.exported()
        assert all(is_good(world, receipt, bundle) for receipt in receipts for bundle in (before, after))
