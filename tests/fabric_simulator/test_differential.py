"""The simulator shows a client what a real network showed: same answers, errors, sets, codes and events."""

import pytest

from tests.fabric_simulator import exchanges, rwset, scenario, validation
from tests.fabric_simulator.channel import Limits
from tests.fabric_simulator.makers import streamed
from tests.fabric_simulator.network import Shape, SimulatedNetwork
from tests.fabric_simulator.recordings import differences, recorded

_LIMITS = Limits(batch_timeout_seconds=0.2, max_message_count=1, gossip_expiry_seconds=1.5)


@pytest.mark.parametrize("version", ["v3.1.5", "v2.5.16"])
async def test_the_scenario_shows_what_the_real_network_showed(version: str) -> None:
    async with SimulatedNetwork(streamed(version), Shape(version=version, limits=_LIMITS)) as network:
        shown = await scenario.play(network)
    assert differences(shown, recorded(version)) == []


@pytest.mark.parametrize("version", ["v3.1.5", "v2.5.16"])
async def test_requests_answers_trailers_events_and_blocks_are_those_of_the_real_network(version: str) -> None:
    async with SimulatedNetwork(streamed(version), Shape(version=version, limits=_LIMITS)) as network:
        shown = exchanges.masked(await exchanges.play(network))
    assert differences(shown, exchanges.masked(exchanges.recorded(version))) == []


async def test_a_simulator_that_judges_otherwise_is_found_in_its_exchanges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "stale_read", lambda *_arguments: False)
    async with SimulatedNetwork(streamed("v3.1.5"), Shape(limits=_LIMITS)) as network:
        shown = exchanges.masked(await exchanges.play(network))
    found = differences(shown, exchanges.masked(exchanges.recorded("v3.1.5")))
    names = [one.splitlines()[0] for one in found]
    assert "status of what another one came before" in names
    assert "block 6" in names


async def test_a_simulator_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rwset, "MERKLE_DEGREE", 40)
    async with SimulatedNetwork(streamed("v3.1.5"), Shape(limits=_LIMITS)) as network:
        shown = await scenario.play(network, [scenario.reads_and_writes, scenario.queries])
    found = differences(shown, recorded("v3.1.5"))
    assert [one.splitlines()[0] for one in found] == [
        "queries: all keys",
        "queries: fifty",
        "queries: fifty-one",
        "queries: many",
        "queries: one hundred",
    ]
