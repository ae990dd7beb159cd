"""What a real network shows today is what was recorded of it, and what the simulator is held to."""

import pytest

from tests.fabric_simulator import exchanges, scenario
from tests.fabric_simulator.recordings import differences, of_real, recorded
from tests.support.fabric_programs import versions


@pytest.mark.real_fabric
@pytest.mark.parametrize("version", versions())
def test_the_scenario_shows_what_was_recorded(version: str) -> None:
    assert differences(of_real(version, scenario.play), recorded(version)) == []


@pytest.mark.real_fabric
@pytest.mark.parametrize("version", versions())
def test_requests_answers_trailers_events_and_blocks_are_those_that_were_recorded(version: str) -> None:
    shown = exchanges.masked(of_real(version, exchanges.play))
    assert differences(shown, exchanges.masked(exchanges.recorded(version))) == []
