"""The story of the product as a person tries it: demo, verify without a server, audit, doctor."""

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.served import Installation, said
from tests.support.processes import Process

STEPS = (
    "founds Harbour",
    "founds Summit",
    "accepts the very same terms",
    "enrols Ada Marsh",
    "announces a visit to Summit for today",
    "checks in at Summit's desk",
    "A second desk",
    "visit/already-checked-in",
    "Four visits are booked",
    "visit/quota-exceeded",
    "valid, anchored, assurance self",
    "One byte of a copy is altered",
    "invalid at the step 'commitment'",
    "Harbour erases her",
    "valid-with-redactions",
)


@pytest.fixture
def played(installation: Installation, server: Process, tmp_path: Path) -> Path:
    """The folder in which the demonstration left its receipts."""
    folder = tmp_path / "played"
    done = installation.run("demo", "--folder", str(folder))
    assert done.returncode == 0, said(done)
    place = 0
    for step in STEPS:
        found = done.stdout.find(step, place)
        assert found >= 0, f"{step!r} is not said in its turn:\n{said(done)}"
        place = found
    return folder


def test_demo_plays_to_its_end_and_again_with_new_clubs(installation: Installation, played: Path) -> None:
    again = installation.run("demo", "--verbose", "--folder", str(played))
    assert again.returncode == 0, said(again)
    assert "POST /v1/visits" in again.stdout


def test_receipts_verify_with_the_server_stopped_and_the_database_gone(
    installation: Installation, server: Process, played: Path
) -> None:
    bundle = played / "exported.json"
    exported = installation.run("trust", "export", str(bundle))
    assert exported.returncode == 0, said(exported)
    assert server.terminate() == 0
    shutil.rmtree(installation.data_folder)

    def verify(name: str, *options: str) -> tuple[int, str]:
        done = installation.run("verify", str(played / name), "--trust", str(bundle), *options)
        return done.returncode, done.stdout + done.stderr

    assert verify("check-in.receipt")[0] == 0
    status, text = verify("redacted.receipt")
    assert status == 0
    assert "valid with redactions" in text
    status, text = verify("altered.receipt")
    assert status == 1
    assert "INVALID at the step 'commitment'" in text
    status, text = verify("check-in.receipt", "--json")
    assert json.loads(text)["validity"] == "valid"


def test_what_was_played_passes_the_audit(installation: Installation, server: Process, played: Path) -> None:
    clean = installation.run("log", "audit")
    assert clean.returncode == 0, said(clean)


def test_doctor_finds_everything_in_order(installation: Installation, server: Process) -> None:
    done = installation.run("doctor")
    assert done.returncode == 0, said(done)


def test_demo_starts_the_server_of_the_profile_and_the_folder_that_were_named(tmp_path: Path) -> None:
    installation = Installation(folder=tmp_path)
    profile, elsewhere = tmp_path / "local.toml", tmp_path / "elsewhere"
    names = (f'{name} = "fairs.concordat.example"' for name in ("network", "issuer", "audience"))
    profile.write_text("\n".join([*names, "anchor_seconds = 1"]), encoding="utf-8")
    options = ("--profile", str(profile), "--data-folder", str(elsewhere))
    done = installation.run("demo", "--folder", str(tmp_path / "played"), *options)
    assert done.returncode == 0, said(done)
    exported = installation.run("trust", "export", "trust.json", *options)
    assert exported.returncode == 0, said(exported)
    logs = json.loads((tmp_path / "trust.json").read_text(encoding="utf-8"))["logs"]
    assert {origin.split("/")[0] for origin in logs} == {"fairs.concordat.example"}
    assert not installation.data_folder.exists()
