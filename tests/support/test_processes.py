"""A child process of the tests is ready when it says so, ends when told and never outlives its block."""

import signal
import sys
from pathlib import Path

import pytest

from tests.support.processes import Process, ProcessFailed, clean_environment

_SERVER = "import time; print('listening on 4711'); time.sleep(60)"
_DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_SERVER}"


def _process(folder: Path, script: str, *, seconds: float = 30) -> Process:
    argv = [sys.executable, "-c", script]
    return Process(argv, log=folder / "log", ready=r"listening on (\d+)", ready_within_seconds=seconds)


def test_start_returns_the_match_of_the_readiness_line(tmp_path: Path) -> None:
    process = _process(tmp_path, _SERVER)
    try:
        assert process.start().group(1) == "4711"
        assert process.terminate() == -signal.SIGTERM
    finally:
        process.kill()


def test_child_that_ends_early_fails_with_its_output(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed, match="no such luck"):
        _process(tmp_path, "raise SystemExit('no such luck')").start()


def test_child_that_stays_silent_is_killed(tmp_path: Path) -> None:
    process = _process(tmp_path, "import time; time.sleep(60)", seconds=0.2)
    with pytest.raises(ProcessFailed, match="did not print"):
        process.start()
    assert process.returncode == -signal.SIGKILL


def test_child_that_ignores_sigterm_is_killed_and_reported(tmp_path: Path) -> None:
    with _process(tmp_path, _DEAF) as process, pytest.raises(ProcessFailed, match="outlived SIGTERM"):
        process.terminate(within_seconds=0.2)
    assert process.returncode == -signal.SIGKILL


def test_block_that_fails_leaves_no_child(tmp_path: Path) -> None:
    process = _process(tmp_path, _SERVER)
    with pytest.raises(ZeroDivisionError), process:
        _ = 1 / 0
    assert process.returncode == -signal.SIGKILL


def test_restarted_child_is_judged_by_its_new_output_only(tmp_path: Path) -> None:
    marker = tmp_path / "second"
    script = f"import pathlib, time; print('second' if pathlib.Path({str(marker)!r}).exists() else 'listening on 1')"
    process = _process(tmp_path, f"{script}; time.sleep(60)", seconds=5)
    process.start()
    process.kill()
    marker.touch()
    process.ready = "second"
    process.start()
    assert "listening" not in process.output()
    process.kill()


def test_children_do_not_see_the_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORDAT_DATABASE_URL", "x")
    assert "CONCORDAT_DATABASE_URL" not in clean_environment()
    assert clean_environment(CONCORDAT_X="y")["CONCORDAT_X"] == "y"
