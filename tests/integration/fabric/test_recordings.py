"""What a real network shows today is what was recorded of it, and what the simulator is held to."""

import pytest

from tests.fabric_simulator.recordings import differences, recorded, shown_by_real
from tests.support.fabric_programs import versions


@pytest.mark.real_fabric
@pytest.mark.parametrize("version", versions())
def test_the_scenario_shows_what_was_recorded(version: str) -> None:
    assert differences(shown_by_real(version), recorded(version)) == []
