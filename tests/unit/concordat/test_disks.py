"""Disks that fill up are told of before they are full: a full one stops every write."""

import shutil
from pathlib import Path

import pytest

from concordat.checks import State
from concordat.checks.disks import Disk, disk_gauges, disk_of, disks, fullness
from concordat.settings import load


@pytest.mark.parametrize(
    ("used", "state", "shown"),
    [
        (0.0, State.OK, "0 % full"),
        (0.7999, State.OK, "79 % full"),
        (0.80, State.WARNING, "80 % full"),
        (0.9799, State.WARNING, "97 % full"),
        (0.98, State.FAILED, "98 % full"),
        (1.0, State.FAILED, "100 % full"),
    ],
)
def test_disk_is_a_warning_from_80_and_a_failure_from_98_per_cent_on(used: float, state: State, shown: str) -> None:
    (found,) = fullness({"database": Disk(device=1, used=used), "ledger": Disk(device=1, used=used)})
    assert (found.state, found.found) == (state, f"{shown} (database, ledger)")
    assert bool(found.advice) is (state is not State.OK)


def test_each_disk_is_told_of_once_with_what_it_holds() -> None:
    small, large = Disk(device=1, used=0.9), Disk(device=2, used=0.1)
    found = list(fullness({"database": small, "secrets": large, "ledger": small}))
    assert [(each.state, each.found) for each in found] == [
        (State.WARNING, "90 % full (database, ledger)"),
        (State.OK, "10 % full (secrets)"),
    ]


def test_what_is_reserved_for_root_counts_as_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = type(shutil.disk_usage(tmp_path))(total=100, used=72, free=18)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    assert disk_of(tmp_path).used == 0.8


def test_folder_that_is_not_there_yet_is_on_the_disk_that_it_will_be_made_on(tmp_path: Path) -> None:
    assert disk_of(tmp_path / "not" / "yet").device == tmp_path.stat().st_dev


async def test_every_part_that_is_made_of_files_has_a_gauge(tmp_path: Path) -> None:
    embedded = load(profile="local", data_folder=tmp_path)
    readings = await disk_gauges(embedded)
    assert {reading.name for reading in readings} == {"concordat_disk_used_ratio"}
    assert [reading.labels["part"] for reading in readings] == ["database", "secrets", "ledger", "publication"]
    assert all(0 <= reading.value <= 1 for reading in readings)
    assert list(embedded.data_folder.iterdir()) == []
    apart = load(
        profile="local", data_folder=tmp_path, database_url="postgresql://ann@db.test/clubs", ledger_url="fabric:x"
    )
    assert list(await disks(apart)) == ["secrets", "publication"]
