"""What `concordat fabric` says where it cannot work; programs stand in for Fabric's that do no more than that takes."""

import shutil
from pathlib import Path

import pytest

from tests.e2e.served import Installation, said

VERSION = "#!/bin/sh\nif [ \"$1\" = version ]; then echo ' Version: v3.1.5'; exit 0; fi\n"
ELSEWHERE = ("--chaincode", "127.0.0.1:1")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """With programs that pass for Fabric's until they are asked for something."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("peer", "orderer", "configtxgen"):
        (programs / name).write_text(f"{VERSION}exec sleep 60\n")
        (programs / name).chmod(0o755)
    (programs / "configtxgen").write_text("#!/bin/sh\nexit 0\n")
    return Installation(folder=tmp_path, settings={"fabric_bin": str(programs)})


def _fake(installation: Installation, name: str, script: str) -> None:
    (installation.folder / "programs" / name).write_text(f"{VERSION}{script}\n")


def test_missing_programs_are_named_with_every_place(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = Installation(folder=tmp_path, settings={"fabric_bin": str(tmp_path / "empty")}).run("fabric", "up")
    assert done.returncode == 2, said(done)
    for part in ("peer, orderer, configtxgen", str(tmp_path / "empty"), "v3.1.5 and v2.5.16", "fabric-programs.md"):
        assert part in done.stderr


def test_program_that_ends_at_once_is_named_with_the_end_of_its_log(installation: Installation) -> None:
    _fake(installation, "orderer", "echo 'panic: no such luck'; exit 2")
    done = installation.run("fabric", "up", *ELSEWHERE)
    assert done.returncode == 1, said(done)
    assert "orderer ended" in done.stderr
    assert done.stderr.rstrip().endswith("panic: no such luck")
    assert "does not run" in installation.run("fabric", "status").stdout
    assert "runs, pid" not in installation.run("fabric", "status").stdout


def test_port_that_somebody_else_was_quicker_to_take_is_replaced(installation: Installation) -> None:
    _fake(installation, "orderer", "echo 'panic: listen tcp: bind: address already in use'; exit 2")
    done = installation.run("fabric", "up", *ELSEWHERE)
    assert done.returncode == 1, said(done)
    assert done.stdout.count("a port was taken meanwhile: once more, with others") == 4


def test_channel_that_configtxgen_refuses_is_reported_in_its_words(installation: Installation) -> None:
    _fake(installation, "configtxgen", "echo 'no such policy' >&2; exit 1")
    done = installation.run("fabric", "up", *ELSEWHERE)
    assert (done.returncode, "no such policy" in done.stderr) == (1, True), said(done)


def test_folder_that_cannot_be_made_is_said(installation: Installation) -> None:
    (installation.folder / "file").write_text("")
    for folder in (installation.folder / "file", installation.folder / "file" / "network"):
        done = installation.run("fabric", "up", "--folder", str(folder))
        assert (done.returncode, str(folder) in done.stderr) == (1, True), said(done)
        assert "This should not have happened" not in done.stderr


def test_folder_with_something_else_in_it_is_left_alone(installation: Installation) -> None:
    folder = installation.folder / "mine"
    folder.mkdir()
    (folder / "letter").write_text("dear")
    done = installation.run("fabric", "up", "--folder", str(folder))
    assert (done.returncode, "holds no network" in done.stderr) == (2, True), said(done)
    assert [file.name for file in folder.iterdir()] == ["letter"]


def test_removal_takes_the_networks_own_files_and_no_other(installation: Installation) -> None:
    _fake(installation, "orderer", "exit 2")
    folder = installation.folder / "network"
    installation.run("fabric", "up", *ELSEWHERE, "--folder", str(folder))
    (folder / "letter").write_text("dear")
    removed = installation.run("fabric", "down", "--remove", "--folder", str(folder))
    assert removed.returncode == 0, said(removed)
    assert [file.name for file in folder.iterdir()] == ["letter"]


def test_note_that_cannot_be_read_is_said(installation: Installation) -> None:
    folder = installation.folder / "network"
    folder.mkdir()
    (folder / "network.json").write_text('{"plan": {}}')
    for command in ("up", "down", "status", "logs"):
        done = installation.run("fabric", command, "--folder", str(folder))
        assert (done.returncode, "network.json cannot be read" in done.stderr) == (1, True), said(done)


def test_network_that_was_moved_is_refused_and_the_old_place_left_alone(installation: Installation) -> None:
    _fake(installation, "orderer", "exit 2")
    folder, copy = installation.folder / "network", installation.folder / "copy"
    installation.run("fabric", "up", *ELSEWHERE, "--folder", str(folder))
    shutil.copytree(folder, copy)
    done = installation.run("fabric", "down", "--remove", "--folder", str(copy))
    assert (done.returncode, "cannot be moved" in done.stderr) == (1, True), said(done)
    assert (folder / "network.json").exists()


def test_note_that_was_being_written_is_not_in_the_way(installation: Installation) -> None:
    _fake(installation, "orderer", "exit 2")
    folder = installation.folder / "network"
    folder.mkdir()
    (folder / "network.json.new").write_text("{")
    done = installation.run("fabric", "up", *ELSEWHERE, "--folder", str(folder))
    assert "orderer ended" in done.stderr, said(done)


@pytest.mark.parametrize("command", ["status", "logs"])
def test_nothing_to_look_at_is_said_with_what_makes_something(installation: Installation, command: str) -> None:
    done = installation.run("fabric", command)
    assert (done.returncode, "concordat fabric up" in done.stderr) == (1, True), said(done)


def test_nothing_to_stop_is_fine(installation: Installation) -> None:
    done = installation.run("fabric", "down")
    assert (done.returncode, "There is no network" in done.stdout) == (0, True), said(done)


@pytest.mark.parametrize(
    "options", [("--orgs", "0"), ("--orgs", "9"), ("--chaincode", "nowhere"), ("--max-messages", "0")]
)
def test_options_that_make_no_network_are_refused(installation: Installation, options: tuple[str, str]) -> None:
    done = installation.run("fabric", "up", *options)
    assert done.returncode == 2, said(done)
    assert not (installation.data_folder / "fabric").exists()
