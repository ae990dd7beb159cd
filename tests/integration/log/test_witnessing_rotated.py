"""A log's key is exchanged, and the witnesses of other operators are told of it afterwards."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from core.log.notes import parse_key
from ports.cosigners import WitnessRefused
from tests.integration.log.witnessed import Network, network_at


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    async with network_at(tmp_path) as network:
        yield network


async def test_a_witness_cosigns_under_a_new_key_once_its_operator_was_told_of_it(network: Network) -> None:
    await network.grown()
    await network.witness()
    host, pipeline = network.scene.host, network.pipeline
    number = await pipeline.rotation.ask(host.of_club)
    await network.grown()
    await network.witness()
    assert pipeline.witnesses[0].turns.troubled == {}
    both = max(size for size, _by in await network.stored(host))
    assert {by for size, by in await network.stored(host) if size == both} == {"peak", "vale"}
    await pipeline.rotate()
    new = await pipeline.rotation.done(host.of_club, number)
    assert new is not None
    await pipeline.integrate()
    await pipeline.sign()
    await pipeline.anchor()
    await network.witness()
    trouble = network.witnesses["peak"].turns.troubled
    assert {club: cast(WitnessRefused, each.error).status for club, each in trouble.items()} == {host.of_club: 403}
    for witness in (network.peak, network.vale):
        followed: Any = witness.logs
        # As the export has it: the present key alone.
        followed[await network.origin(host)] = (parse_key(new.verifier_key),)
    network.world.clock.forward(seconds=60)
    await network.witness()
    assert new.from_size == both + 1
    assert {(size, by) for size, by in await network.stored(host) if size >= new.from_size} == {
        (new.from_size, "peak"),
        (new.from_size, "vale"),
    }
