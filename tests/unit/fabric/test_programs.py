"""Fabric's programs are found in three places, whole and of the version asked for, or what is missing is said."""

from pathlib import Path

import pytest

from concordat.fabric.programs import NEEDED, find_programs, installed_folder
from concordat.failures import Failure


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None on PATH and none in the user's data folder."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def _install(folder: Path, version: str, names: tuple[str, ...] = NEEDED) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(f"#!/bin/sh\necho '{name}:'\necho ' Version: {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_named_folder_goes_before_all_others(tmp_path: Path) -> None:
    _install(tmp_path / "path", "v2.5.16")
    named = _install(tmp_path / "a named folder", "v3.1.5")
    programs = find_programs(named, None)
    assert (programs.version, programs.peer) == ("v3.1.5", named / "peer")


def test_path_goes_before_the_data_folder(tmp_path: Path) -> None:
    _install(installed_folder("v3.1.5"), "v3.1.5")
    _install(tmp_path / "path", "2.5.16")
    assert find_programs(None, None).version == "v2.5.16"


def test_version_that_is_asked_for_passes_over_others(tmp_path: Path) -> None:
    _install(installed_folder("v3.1.5"), "v3.1.5")
    _install(tmp_path / "path", "v2.5.16")
    assert find_programs(None, "v3.1.5").orderer == installed_folder("v3.1.5") / "orderer"


def test_newest_known_version_is_the_usual_one() -> None:
    for version in ("v2.5.16", "v3.1.5"):
        _install(installed_folder(version), version)
    assert find_programs(None, None).version == "v3.1.5"


def test_what_is_missing_is_said_with_every_place(tmp_path: Path) -> None:
    _install(tmp_path / "path", "v3.1.5", ("peer", "orderer"))
    with pytest.raises(Failure) as failure:
        find_programs(None, None)
    said = str(failure.value)
    assert failure.value.status == 2
    assert "PATH: no configtxgen" in said
    for version in ("v3.1.5", "v2.5.16"):
        assert f"{installed_folder(version)}: no peer, orderer, configtxgen" in said
    for named in (
        "CONCORDAT_FABRIC_BIN",
        "archives of its releases",
        "install script",
        "docs/how-to/fabric-programs.md",
    ):
        assert named in said
    assert "://" not in said


def test_named_folder_without_programs_is_not_made_up_for(tmp_path: Path) -> None:
    _install(installed_folder("v3.1.5"), "v3.1.5")
    with pytest.raises(Failure, match=r"CONCORDAT_FABRIC_BIN \(.*\): no peer, orderer, configtxgen"):
        find_programs(tmp_path / "empty", None)


def test_folder_with_another_version_is_said(tmp_path: Path) -> None:
    named = _install(tmp_path / "named", "v2.5.16")
    with pytest.raises(Failure, match=r"of version v3\.1\.5") as failure:
        find_programs(named, "v3.1.5")
    assert f"({named}): v2.5.16" in str(failure.value)


def test_program_that_is_not_fabrics_is_said(tmp_path: Path) -> None:
    named = _install(tmp_path / "named", "")
    with pytest.raises(Failure, match="does not say its version"):
        find_programs(named, None)
