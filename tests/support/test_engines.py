"""The last lines of a run say which engines it really used; `.ci/run` is red where the real one is not among them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import REPOSITORY
from tests.support.processes import clean_environment

USES = "from tests.support import engines\n\n\ndef test_{0}():\n    engines.ran('{0}', 'real 99')\n"
STARTS = "def test_server(postgres):\n    pass\n"
REAL = ("postgres: real 18.4", "postgres with TLS: a proxy in front of it", "buf: not run (no Node)")


def run(folder: Path, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The tests in this folder, with the closing lines of ours."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        "pyproject.toml",
        "-p",
        "tests.conftest",
        *options,
        str(folder),
    ]
    env = clean_environment(**environment)
    return subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=120, check=False)


def closing_lines(done: "subprocess.CompletedProcess[str]") -> list[str]:
    lines = done.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip("= ") == "engines")
    return [line for line in lines[start + 1 :] if ": " in line and not line.startswith(("ERROR", "FAILED"))]


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_closing_lines_name_every_engine_that_any_worker_used(tmp_path: Path, options: tuple[str, ...]) -> None:
    for name in ("postgres", "teapot"):
        (tmp_path / f"test_{name}.py").write_text(USES.format(name))
    done = run(tmp_path, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    postgres, with_tls, fabric, buf, node, teapot = closing_lines(done)
    assert (postgres, with_tls, teapot) == ("postgres: real 99", "postgres with TLS: not run", "teapot: real 99")
    assert fabric.startswith(("fabric: not run", "fabric: simulator (no peer and orderer found"))
    assert buf.startswith("buf: not run")
    assert node.startswith("node: not run")


def test_a_postgres_that_cannot_start_fails_the_test_and_is_not_said_to_have_run(tmp_path: Path) -> None:
    (tmp_path / "test_server.py").write_text(STARTS)
    (tmp_path / "empty").mkdir()
    done = run(tmp_path, CONCORDAT_TEST_POSTGRES_BIN=str(tmp_path / "empty"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 error" in done.stdout
    assert closing_lines(done)[0] == "postgres: not run"


def gate(folder: Path, lines: tuple[str, ...], status: int = 0) -> "subprocess.CompletedProcess[str]":
    """`.ci/run` over a `make test` that says these lines at its end."""
    (folder / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci" / "run", folder / ".ci" / "run")
    said = "".join(f"\t@echo '{line}'\n" for line in lines)
    (folder / "Makefile").write_text(f"test:\n{said}\t@exit {status}\n")
    return subprocess.run(
        [folder / ".ci" / "run"], env=clean_environment(), capture_output=True, text=True, timeout=30, check=False
    )


def test_the_gate_is_green_where_a_real_postgres_ran_and_repeats_what_was_said(tmp_path: Path) -> None:
    done = gate(tmp_path, REAL)
    assert (done.returncode, done.stderr) == (0, "")
    assert tuple(done.stdout.splitlines()[-len(REAL) :]) == REAL


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("postgres: not run", *REAL[1:]),
        ("no postgres: real 18.4", *REAL[1:]),
        (REAL[0], "postgres with TLS: not run", REAL[2]),
        (REAL[0], REAL[2]),
    ],
)
def test_the_gate_is_red_where_no_real_postgres_ran(tmp_path: Path, lines: tuple[str, ...]) -> None:
    done = gate(tmp_path, lines)
    assert done.returncode == 1
    assert "real Postgres" in done.stderr


def test_the_gate_is_red_where_a_test_failed(tmp_path: Path) -> None:
    assert gate(tmp_path, REAL, status=1).returncode != 0
