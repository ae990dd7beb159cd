"""`concordat log rebuild` as a person runs it, and what the other commands say before it and after it."""

import asyncio
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from concordat import main as command_line
from concordat.locks import process_lock
from tests.integration.log.set_back import Lost, set_back
from tests.integration.log.test_restoring_sqlite import SqliteStage


@dataclass(frozen=True)
class Deployment:
    """A data folder with a log that was set back, and the commands that are run on it."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    told: Lost

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, output, errors."""
        self.monkeypatch.setattr(sys, "argv", ["concordat", *words])
        self.capsys.readouterr()
        status = command_line.main()
        said = self.capsys.readouterr()
        return status, said.out, said.err


@pytest.fixture
def deployment(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Deployment:
    for name in [name for name in os.environ if name.startswith("CONCORDAT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CONCORDAT_DATA_FOLDER", str(tmp_path))
    shutil.copy(sqlite_template, tmp_path / "concordat.db")
    told = asyncio.run(set_back(SqliteStage(f"sqlite:///{tmp_path / 'concordat.db'}", tmp_path)))
    return Deployment(tmp_path, monkeypatch, capsys, told)


def test_rebuild_says_what_it_would_do_and_does_it_when_told_to(deployment: Deployment) -> None:
    origin = deployment.told.origin
    assert deployment.run("doctor")[0] == 1
    file = deployment.folder / "concordat.db"
    before = file.read_bytes()
    status, said, _ = deployment.run("log", "rebuild")
    assert (status, said.splitlines()[0]) == (
        0,
        f"{origin}: would be rebuilt from 3 to 6 leaves; 1 found again, lost for ever: 4 to 5.",
    )
    assert "--yes" in said and file.read_bytes() == before
    status, said, _ = deployment.run("log", "rebuild", "--yes", "--log", origin)
    assert (status, said) == (0, f"{origin}: rebuilt from 3 to 6 leaves; 1 found again, lost for ever: 4 to 5.\n")
    status, said, _ = deployment.run("log", "rebuild", "--yes")
    assert (status, said) == (0, "Nothing is to be rebuilt: every log is where the world has seen it.\n")
    assert deployment.run("doctor")[0] == 0
    status, said, _ = deployment.run("log", "audit")
    assert status == 0
    assert f"{origin}: 6 leaves (of which a rebuild declared lost: 4 to 5), nothing to report." in said
    status, said, _ = deployment.run("log", "audit", "--json")
    assert json.loads(said)["lost"] == [{"first": 4, "last": 5}]


def test_rebuild_tells_programs_the_same(deployment: Deployment) -> None:
    status, said, _ = deployment.run("log", "rebuild", "--json", "--yes")
    assert status == 0
    assert json.loads(said) == {
        "log": deployment.told.origin,
        "before": 3,
        "after": 6,
        "found": 1,
        "lost": [{"first": 4, "last": 5}],
        "beyond": 0,
        "refused": None,
        "written": True,
    }
    assert deployment.run("log", "rebuild", "--json") == (0, "", "")


def test_rebuild_that_is_refused_ends_with_status_1_and_says_why(deployment: Deployment) -> None:
    shutil.rmtree(deployment.folder / "published")
    status, said, _ = deployment.run("log", "rebuild", "--yes")
    assert status == 1
    assert "stays frozen at 3 leaves: the log is behind the ledger; " in said
    assert "0 leaves were published, the ledger has seen 6" in said
    status, said, _ = deployment.run("log", "rebuild", "--json")
    assert (status, json.loads(said)["written"]) == (1, False)


def test_club_that_is_missing_is_named_by_rebuild_audit_and_doctor(deployment: Deployment) -> None:
    (deployment.folder / "concordat.db").unlink()
    assert deployment.run("migrate")[0] == 0
    origin = deployment.told.origin
    status, said, _ = deployment.run("log", "rebuild")
    assert status == 1 and said.startswith(f"{origin}: not in the database")
    status, said, _ = deployment.run("log", "rebuild", "--json", "--log", origin)
    assert (status, json.loads(said)) == (1, {"log": origin, "missing": True})
    status, said, _ = deployment.run("log", "audit")
    assert status == 1 and "[audit/log-missing]" in said and origin in said
    status, said, _ = deployment.run("doctor", "--json")
    warnings = [check["found"] for check in json.loads(said)["checks"] if check["state"] == "warning"]
    assert status == 0 and len(warnings) == 1 and origin in warnings[0]


def test_log_that_there_is_not_is_wrong_usage(deployment: Deployment) -> None:
    status, _, said = deployment.run("log", "rebuild", "--log", "local.concordat.example/nobody/1")
    assert status == 2 and "There is no log local.concordat.example/nobody/1." in said


def test_rebuild_does_not_run_beside_a_server(deployment: Deployment) -> None:
    lock = process_lock(deployment.folder / "concordat.db")
    assert lock.acquire()
    try:
        status, said, error = deployment.run("log", "rebuild", "--yes")
    finally:
        lock.release()
    assert (status, said) == (1, "") and "serves" in error
