"""Where Fabric's packages for Node cannot be had, their tests are not collected, and the last lines say why."""

import os
from pathlib import Path

from tests.support.node import FOLDER
from tests.support.test_engines import closing_lines, run

CONFTEST = """
from pathlib import Path

from tests.support import node

node.FOLDER = Path(__file__).parent / "packages"
collect_ignore_glob = [] if node.ready() else ["test_*.py"]
"""
NOT_COLLECTED = 5


def closing_line(folder: Path, programs: dict[str, str]) -> str:
    """What a run says of Node on a machine that has these programs, as shell scripts; nothing may be collected."""
    packages, path = folder / "packages", folder / "bin"
    packages.mkdir()
    path.mkdir()
    for name in ("package.json", "package-lock.json"):
        (packages / name).write_bytes((FOLDER / name).read_bytes())
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_with_node.py").write_text("def test_with_node():\n    pass\n")
    for name, script in programs.items():
        (path / name).write_text(f"#!/bin/sh\n{script}\n")
        (path / name).chmod(0o700)
    done = run(folder, PATH=os.fspath(path))
    assert done.returncode == NOT_COLLECTED, done.stdout + done.stderr
    return next(line for line in closing_lines(done) if line.startswith("node: "))


def test_no_node_is_told(tmp_path: Path) -> None:
    assert closing_line(tmp_path, {}) == "node: not run (no Node)"


def test_node_that_is_too_old_is_told(tmp_path: Path) -> None:
    programs = {"node": "echo v18.20.4", "npm": "exit 0"}
    assert closing_line(tmp_path, programs) == "node: not run (Node v18.20.4, and Fabric's client needs 20.9)"


def test_registry_that_does_not_answer_is_told(tmp_path: Path) -> None:
    programs = {"node": "echo v22.12.0", "npm": "exit 1"}
    told = "node: not run (npm could not fetch Fabric's packages)"
    assert closing_line(tmp_path, programs) == told
