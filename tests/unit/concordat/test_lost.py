"""Secrets that were lost are never replaced in silence: a system that has begun is refused, a new one makes them."""

import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from adapters.outbound.files.secrets import FileSecrets
from adapters.outbound.sql.migrate import migrate
from concordat import main as command_line
from concordat.checks import State
from concordat.checks.ports import examine
from concordat.container import running
from concordat.failures import Failure
from concordat.lifespan import serving
from concordat.lost import lost
from concordat.role import Role
from concordat.settings import Settings, load
from core.log.notes import VerifierKey
from ports.unit_of_work import StoreUnavailable
from shared.canonical import b64url

NOBODY = "01960000-0000-7000-8000-000000000001"
ORIGIN = "local.concordat.example/harbour/1"
EVERYWHERE = ("token/access", "rest/cursor", "ledger/witness")


@pytest.fixture
async def begun(tmp_path: Path) -> Settings:
    """A system with a club, and all of its secrets."""
    settings = load(profile="local", data_folder=tmp_path, http_port=0, grpc_port=0, admin_port=0)
    await migrate(settings.database)
    async with running(settings):
        pass
    with closing(sqlite3.connect(tmp_path / "concordat.db")) as database, database:
        club = (UUID(NOBODY).hex, ORIGIN, "Harbour", "Europe/London", 0, 0)
        database.execute("INSERT INTO directory VALUES (?, ?, ?, ?, ?, ?)", club)
    return settings


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str) -> int:
    for name in [name for name in os.environ if name.startswith("CONCORDAT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CONCORDAT_DATA_FOLDER", str(folder))
    monkeypatch.setenv("CONCORDAT_WITNESS_NAME", "witness.test")
    monkeypatch.setattr(sys, "argv", ["concordat", *words])
    return command_line.main()


@pytest.mark.parametrize(
    "words",
    [
        ("token",),
        ("token", "--club", "harbour"),
        ("demo", "--url", "http://127.0.0.1:1"),
        ("parked", "list"),
        ("trust", "export", "trust.json"),
        ("witness", "export", "https://harbour.test/witness"),
        ("settlement", "list", "--club", "harbour"),
        ("subject", "erase", NOBODY, "--club", "harbour", "--yes"),
        ("log", "audit"),
        ("log", "rebuild"),
        ("log", "rotate-key", ORIGIN),
    ],
)
def test_commands_refuse_a_system_whose_secrets_were_lost_and_make_none(
    words: tuple[str, ...], begun: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """New ones were made without a word: clubs were founded under them, and the right ones did not fit any more."""
    folder = begun.data_folder
    monkeypatch.chdir(folder)
    shutil.move(folder / "secrets", folder / "kept")
    assert run(monkeypatch, folder, *words) == 1
    told = capsys.readouterr().err
    assert "these secrets of theirs are missing: token/access, rest/cursor, ledger/witness." in told
    assert "Put the copy of the secrets back, or check CONCORDAT_SECRETS_URL and CONCORDAT_DATA_FOLDER" in told
    assert not (folder / "secrets").exists()
    shutil.move(folder / "kept", folder / "secrets")
    assert run(monkeypatch, folder, "token") == 0


@pytest.mark.parametrize("role", Role)
async def test_nothing_is_served_without_the_secrets_and_everything_once_they_are_back(
    begun: Settings, role: Role
) -> None:
    folder = begun.data_folder
    shutil.move(folder / "secrets", folder / "kept")
    with pytest.raises(Failure, match="these secrets of theirs are missing: token/access, rest/cursor"):
        async with serving(begun, role):
            pass
    assert not (folder / "secrets").exists()
    shutil.move(folder / "kept", folder / "secrets")
    async with serving(begun, role) as now:
        assert now.unready == []


def test_doctor_says_the_same_and_makes_nothing(
    begun: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = begun.data_folder
    shutil.rmtree(folder / "secrets")
    before = sorted(folder.iterdir())
    assert run(monkeypatch, folder, "doctor", "--json") == 1
    checks = {check["subject"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["secrets"]["state"] == "failed"
    assert "these secrets of theirs are missing: token/access, rest/cursor" in checks["secrets"]["found"]
    assert "Put the copy of the secrets back" in checks["secrets"]["advice"]
    assert (checks["database"]["state"], checks["schema"]["state"]) == ("ok", "ok")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("name", EVERYWHERE)
async def test_one_secret_that_is_missing_is_named_alone(begun: Settings, name: str) -> None:
    (begun.data_folder / "secrets" / name.replace("/", "+")).unlink()
    with pytest.raises(Failure, match=f"are missing: {name}\\."):
        async with running(begun):
            pass


async def test_the_secret_of_the_worker_alone_is_made_where_there_is_none(begun: Settings) -> None:
    """Processes on other machines are not brought it."""
    file = begun.data_folder / "secrets" / "ledger+anchor"
    file.unlink()
    async with running(begun):
        assert file.exists()


async def test_secrets_from_the_environment_are_not_missing(begun: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(begun.data_folder / "secrets")
    for name in EVERYWHERE:
        monkeypatch.setenv(f"CONCORDAT_SECRET_{name.upper().replace('/', '_')}", b64url(bytes(32)))
    async with running(begun) as system:
        assert system.infrastructure.cursor_key == bytes(32)


async def test_a_ledger_that_has_begun_keeps_its_witness_also_without_a_database(begun: Settings) -> None:
    folder = begun.data_folder
    async with running(begun) as system:
        public = system.infrastructure.key_pair(bytes(32))[0]
        await system.infrastructure.ledger.register(ORIGIN, str(VerifierKey(name=ORIGIN, public=public)))
    shutil.rmtree(folder / "secrets")
    for file in folder.glob("concordat.db*"):
        file.unlink()
    with pytest.raises(Failure, match="signed with is missing: ledger/witness"):
        async with running(begun):
            pass
    assert "signed with is missing: ledger/witness" in (await examine(begun))[0].found
    assert [each.name for each in folder.iterdir()] == ["ledger"]


class Meanwhile(FileSecrets):
    """Another process makes what is missing as soon as somebody has seen that it is."""

    async def get(self, name: str) -> bytes | None:
        found = await super().get(name)
        if found is None:
            for each in EVERYWHERE:
                await self.create(each, bytes(32))
        return found


async def test_secrets_that_another_process_makes_at_the_same_time_were_not_lost(begun: Settings) -> None:
    async with running(begun) as system:
        shutil.rmtree(begun.data_folder / "secrets")
        assert await lost(begun, Meanwhile(begun.data_folder / "secrets"), system.database) is None


async def test_a_database_that_does_not_answer_is_waited_for_where_secrets_are_missing(tmp_path: Path) -> None:
    """Whether they were lost or are to be made, it alone knows; with all of them, nobody asks it."""
    settings = load(profile="local", data_folder=tmp_path)
    (tmp_path / "concordat.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable):
        async with running(settings):
            pass
    checks = {check.subject: check for check in await examine(settings)}
    assert "only the database knows whether they were lost" in checks["secrets"].found
    assert {checks[each].state for each in ("secrets", "database")} == {State.FAILED}
    assert not (tmp_path / "secrets").exists()
    for name in EVERYWHERE:
        await FileSecrets(tmp_path / "secrets").create(name, bytes(32))
    async with running(settings):
        pass
