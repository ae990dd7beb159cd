"""What a real network showed in the scenario, by the version of Fabric: JSON in tests/data/fabric."""

import json
from pathlib import Path
from typing import Any

from tests.fabric_simulator.client import Steps

_FOLDER = Path(__file__).parents[1] / "data" / "fabric"


def recorded(version: str) -> Steps:
    """As it was recorded last."""
    steps: Steps = json.loads(_file(version).read_text())["steps"]
    return steps


def record(version: str, steps: Steps) -> None:
    """To be called with what a real network of that version showed, never with anything else."""
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
