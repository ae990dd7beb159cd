"""What a real network showed in the scenario, by the version of Fabric: JSON in tests/data/fabric.

Beside it are the exchanges of a shorter one, byte by byte: see exchanges.py.

To record anew, where Fabric's programs are: python -m tests.fabric_simulator.recordings
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from concordat.fabric.plan import Wish
from tests.fabric_simulator import exchanges
from tests.fabric_simulator.client import Steps
from tests.fabric_simulator.scenario import play
from tests.support.fabric import FabricNetwork
from tests.support.fabric_programs import versions

T = TypeVar("T")

_FOLDER = Path(__file__).parents[1] / "data" / "fabric"


def recorded(version: str) -> Steps:
    """As it was recorded last."""
    steps: Steps = json.loads(_file(version).read_text())["steps"]
    return steps


def of_real(version: str, scenario: Callable[[FabricNetwork], Coroutine[Any, Any, T]]) -> T:
    """What comes of a scenario on a real network of that version."""
    with FabricNetwork(version, Wish(organisations=2, max_messages=1)) as network:
        return asyncio.run(scenario(network))


def _record(version: str, steps: Steps) -> None:
    text = json.dumps({"fabric": version, "steps": steps}, indent=1, ensure_ascii=False)
    _file(version).write_text(text + "\n")


def differences(shown: Steps, expected: Steps) -> list[str]:
    """The steps that came to something else, both ways, each as it reads in JSON; parts not played are left out."""
    parts = {name.split(":")[0] for name in shown}
    found = []
    for name in sorted(shown.keys() | {name for name in expected if name.split(":")[0] in parts}):
        one, other = _plain(shown.get(name)), _plain(expected.get(name))
        if one != other:
            found.append(f"{name}\n  shown:    {one}\n  expected: {other}")
    return found


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _file(version: str) -> Path:
    return _FOLDER / f"{version}.json"


if __name__ == "__main__":
    for known in versions():
        _record(known, of_real(known, play))
        exchanges.record(of_real(known, exchanges.play))
