"""The command line: what goes wrong is a sentence and a status, and no command loads what it does not need."""

import inspect
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

import pytest

from concordat import clocks
from concordat import main as command_line
from concordat.failures import Failure
from shared.canonical import dumps
from shared.errors import Unavailable
from tests.support.processes import clean_environment


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("CONCORDAT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CONCORDAT_DATA_FOLDER", str(tmp_path))


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["concordat", *words])
    return command_line.main()


@pytest.mark.parametrize(
    "words",
    [
        ("nosuch",),
        ("serve", "--nosuch"),
        ("serve", "--role", "everything"),
        ("serve", "--http-port", "many"),
        ("serve", "--profile", "nosuch"),
        ("token", "--minutes", "0"),
        ("token", "--minutes", "99999"),
        ("token", "--role", "emperor"),
        ("token", "--principal", ""),
        ("demo", "--url", "127.0.0.1:8000"),
        ("demo", "--url", "http://127.0.0.1:8000/v1"),
        ("demo", "--url", "ftp://127.0.0.1"),
        ("token", "--principal", "Ada Marsh"),
        ("token", "--principal", "\udcff"),
        ("token", "--principal", "a" * 101),
        ("verify",),
        ("doctor", "too", "much"),
        ("chaincode", "serve"),
        ("chaincode", "serve", "--address", "nowhere", "--package-id", "label:hash"),
        ("chaincode", "serve", "--address", "127.0.0.1:65536", "--package-id", "label:hash"),
        ("chaincode", "serve", "--address", "127.0.0.1:0", "--package-id", "label:hash", "--tls-key", "key.pem"),
    ],
)
def test_wrong_usage_is_told_with_status_2(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Error" in told.err
    assert "Traceback" not in told.err


def test_unknown_setting_is_wrong_usage_of_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONCORDAT_HTP_PORT", "1")
    assert run(monkeypatch, "doctor") == 2
    assert "CONCORDAT_HTTP_PORT" in capsys.readouterr().err


NOBODY = "01960000-0000-7000-8000-000000000001"


@pytest.mark.parametrize("words", [("token",), ("settlement", "list"), ("settlement", "prove", NOBODY)])
def test_club_that_there_is_not_is_wrong_usage(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "migrate") == 0
    assert run(monkeypatch, *words, "--club", "nosuch") == 2
    told = capsys.readouterr().err
    assert "There is no club nosuch." in told
    assert "No club was founded yet." in told


def test_id_that_no_club_has_is_not_taken_for_one_without_settlements(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "migrate") == 0
    assert run(monkeypatch, "settlement", "list", "--club", NOBODY) == 2
    assert f"There is no club {NOBODY}." in capsys.readouterr().err


def test_clock_is_ahead_in_the_local_profile_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = {"NETWORK": "clubs.test", "ISSUER": "clubs.test", "AUDIENCE": "clubs.test"}
    for name, value in real.items():
        monkeypatch.setenv(f"CONCORDAT_{name}", value)
    assert run(monkeypatch, "serve", "--profile", "production", "--clock-ahead-days", "35") == 2
    assert "The clock may be ahead in the local profile only." in capsys.readouterr().err


def test_clock_that_is_ahead_shows_the_same_instant_of_a_later_day() -> None:
    before = clocks.now()
    later = clocks.ahead(35)()
    assert before <= later - timedelta(days=35) <= clocks.now()


@pytest.mark.parametrize(
    "words",
    [
        ("log", "audit"),
        ("parked", "list"),
        ("trust", "export", "trust.json"),
        ("token", "--club", "development"),
        ("subject", "erase", NOBODY, "--club", "development", "--yes"),
    ],
)
def test_command_that_asks_a_database_says_when_there_is_none_and_makes_none(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words) == 1
    assert f"There is no {tmp_path}/concordat.db yet." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "concordat.db").touch()
    assert run(monkeypatch, *words) == 1
    assert "Run concordat migrate." in capsys.readouterr().err


@pytest.mark.parametrize("word", ["migrate", "doctor"])
def test_database_at_an_unknown_revision_is_refused_with_what_to_do(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "migrate") == 0
    with closing(sqlite3.connect(tmp_path / "concordat.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0002'")
    capsys.readouterr()
    assert run(monkeypatch, word) == 1
    told = " ".join("".join(capsys.readouterr()).split())
    assert "made by a version before the first release, or by a newer one" in told
    assert "Make the database anew, or use the version that made it." in told


@pytest.mark.parametrize("words", [("serve",), ("log", "audit"), ("doctor",)])
def test_clubs_of_another_network_are_refused_with_what_to_do(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "migrate") == 0
    # Makes the secrets, as a first start does.
    assert run(monkeypatch, "token") == 0
    with closing(sqlite3.connect(tmp_path / "concordat.db")) as database, database:
        database.execute(
            "INSERT INTO directory VALUES (?, 'clubs.test/harbour/1', 'Harbour', 'Europe/London', 0, 0)",
            (UUID(NOBODY).hex,),
        )
    capsys.readouterr()
    assert run(monkeypatch, *words) == 1
    told = " ".join("".join(capsys.readouterr()).split())
    found = "he clubs of this database are of the network clubs.test, and CONCORDAT_NETWORK is local.concordat.example."
    assert found in told
    assert "Set CONCORDAT_NETWORK to the name that they were founded under, or name another database." in told


def test_audit_of_a_log_that_there_is_not_does_not_say_that_everything_matches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "migrate") == 0
    capsys.readouterr()
    assert run(monkeypatch, "log", "audit", "--log", "local.concordat.example/harbor/1") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "There is no log local.concordat.example/harbor/1." in told.err
    assert "No club was founded yet." in told.err


@pytest.mark.parametrize("words", [("token", "--club"), ("subject", "erase", NOBODY, "--club")])
def test_text_that_is_no_slug_is_no_club(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "migrate") == 0
    capsys.readouterr()
    assert run(monkeypatch, *words, "The Harbour") != 0
    told = capsys.readouterr()
    assert "There is no club The Harbour." in told.err
    assert told.out == ""


def test_demonstration_that_cannot_save_its_receipts_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").touch()
    assert run(monkeypatch, "demo", "--folder", str(tmp_path / "taken")) == 1
    assert f"{tmp_path}/taken cannot be used: File exists." in capsys.readouterr().err


def test_receipt_under_a_key_that_is_younger_than_the_bundle_sends_people_for_a_newer_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = Path(__file__).parents[2] / "data" / "golden"
    bundle = json.loads((golden / "trust-v1.json").read_bytes())
    (first, _second) = bundle["logs"]["clubs.example/harbour/1"]
    bundle["logs"]["clubs.example/harbour/1"] = [{**first, "until": None}]
    older = tmp_path / "older.json"
    older.write_bytes(dumps(bundle))
    receipt = str(golden / "receipt-v1.tlog-proof")
    assert run(monkeypatch, "verify", receipt, "--trust", str(older)) == 1
    said = capsys.readouterr().out
    assert "'checkpoint signature': no signature of a known key.\n  A bundle that is older than the receipt" in said
    assert run(monkeypatch, "verify", receipt, "--trust", str(golden / "trust-v1.json")) == 0
    assert "older" not in capsys.readouterr().out


def test_file_without_an_end_is_no_receipt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    golden = Path(__file__).parents[2] / "data" / "golden" / "trust-v1.json"
    assert run(monkeypatch, "verify", "/dev/zero", "--trust", str(golden)) == 1
    assert capsys.readouterr().out == "/dev/zero: INVALID at the step 'format': too long.\n"


def test_token_is_all_that_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "migrate") == 0
    capsys.readouterr()
    assert run(monkeypatch, "token", "--role", "operator", "--role", "auditor") == 0
    told = capsys.readouterr()
    assert told.out.startswith("v4.public.")
    assert len(told.out.split()) == 1


def test_doctor_makes_nothing_where_there_is_nothing_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "doctor", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert list(tmp_path.iterdir()) == []


def test_doctor_says_that_a_data_folder_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").touch()
    assert run(monkeypatch, "doctor", "--data-folder", str(tmp_path / "taken" / "data")) == 1
    assert "its folder cannot be written" in capsys.readouterr().out


def test_doctor_says_of_every_port_what_serves_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "migrate") == 0
    capsys.readouterr()
    assert run(monkeypatch, "doctor", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    found = {check["subject"]: check["state"] for check in told["checks"]}
    assert {"database", "schema", "secrets", "ledger", "bus", "publication"} <= found.keys()
    # How full that is, is the affair of whoever runs the tests.
    del found["disk"]
    assert set(found.values()) == {"ok"}


def test_doctor_ends_with_status_1_when_the_system_must_not_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "migrate") == 0
    assert run(monkeypatch, "doctor") == 0
    (tmp_path / "secrets").chmod(0o755)
    assert run(monkeypatch, "doctor") == 1
    assert "must not serve" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("part", "told"), [("published", "nothing is signed meanwhile"), ("secrets", "new logs get no key meanwhile")]
)
def test_doctor_finds_out_that_a_folder_cannot_be_written(
    part: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could be read was said to answer, while no log could be signed any more."""
    assert run(monkeypatch, "migrate") == 0
    assert run(monkeypatch, "doctor") == 0
    shutil.rmtree(tmp_path / part)
    (tmp_path / part).touch(mode=0o600)
    capsys.readouterr()
    assert run(monkeypatch, "doctor") == 1
    assert told in " ".join(capsys.readouterr().out.split())


def test_real_profile_is_not_served_before_it_is_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NETWORK", "ISSUER", "AUDIENCE"):
        monkeypatch.setenv(f"CONCORDAT_{name}", "clubs.test")
    assert run(monkeypatch, "doctor", "--profile", "production") == 1


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (Failure("It is so.", "Do this."), 1, "Error: It is so.\nDo this.\n"),
        (Failure("It is so.", status=2), 2, "Error: It is so.\n"),
        (Unavailable(remedy="Mend it."), 1, f"Error: {Unavailable.title} [{Unavailable.code}]\nMend it.\n"),
        (Unavailable(), 1, command_line.ASK_DOCTOR),
        (PermissionError(13, "Permission denied", "/x"), 1, "Error: /x cannot be used: Permission denied.\n"),
        (OSError(28, "No space left on device"), 1, "Error: This cannot be written: No space left on device.\n"),
        (OSError("no"), 1, "This should not have happened: OSError: no"),
        (KeyboardInterrupt(), 130, ""),
        (ZeroDivisionError("no"), 1, "This should not have happened: ZeroDivisionError: no"),
    ],
)
def test_whatever_a_command_raises_reaches_a_person_as_a_sentence(
    error: BaseException,
    status: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def raises(_wanted: str) -> None:
        raise error

    monkeypatch.setattr(command_line, "command_line", raises)
    assert run(monkeypatch, "serve") == status
    printed = capsys.readouterr().err
    assert told in printed
    assert "Traceback" not in printed


def in_a_process(program: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """A program of its own, with what can be imported here."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env=clean_environment(PYTHONPATH=os.pathsep.join(path for path in sys.path if path)),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("word", ["verify", "serve", "token", "doctor", "migrate", "chaincode"])
def test_help_of_a_command_loads_no_server_and_no_database(word: str, tmp_path: Path) -> None:
    heavy = "{'sqlalchemy', 'alembic', 'fastapi', 'grpc', 'uvicorn', 'casbin', 'pyseto', 'dependency_injector'}"
    program = (
        "import sys\nfrom concordat.main import main\n"
        f"sys.argv = ['concordat', '{word}', '--help']\nassert main() == 0\n"
        f"loaded = {heavy} & sys.modules.keys()\nassert not loaded, loaded\n"
    )
    done = in_a_process(program, tmp_path)
    assert done.returncode == 0, done.stderr


def test_ctrl_c_ends_a_command_that_waits_nowhere_at_once_and_without_a_word(tmp_path: Path) -> None:
    program = (
        "import os, signal, time\nfrom concordat.interrupts import run\n"
        "async def busy():\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(60)\n"
        "run(busy())\n"
    )
    done = in_a_process(program, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_after_a_command_ctrl_c_is_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT)
    assert run(monkeypatch, "migrate") == 0
    assert signal.getsignal(signal.SIGINT) is before


def test_version_is_told_and_nothing_else(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == (f"Concordat {version('concordat')}\n", "")


def test_every_command_says_what_it_does() -> None:
    app = command_line.command_line()
    assert {command.name for command in app.registered_commands} >= {"serve", "token", "doctor", "migrate"}
    silent = [each.name for each in app.registered_commands if not (each.callback and each.callback.__doc__)]
    assert silent == []


def test_every_command_that_takes_a_profile_takes_a_data_folder() -> None:
    app = command_line.command_line()
    groups = [group.typer_instance for group in app.registered_groups if group.typer_instance is not None]
    commands = [each.callback for group in (app, *groups) for each in group.registered_commands]
    taken = {
        f"{each.__module__}.{each.__qualname__}": set(inspect.signature(each).parameters)
        for each in commands
        if each is not None
    }
    assert len([options for options in taken.values() if "profile" in options]) > 10
    assert [name for name, options in taken.items() if "profile" in options and "data_folder" not in options] == []
