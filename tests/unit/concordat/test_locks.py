"""How many processes there may be on one SQLite file, and what the second one is told."""

import os
from pathlib import Path

import pytest

from concordat.failures import Failure
from concordat.locks import alone, process_lock, sqlite_file, worker_lock


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:////var/lib/concordat.db", Path("/var/lib/concordat.db")),
        ("sqlite:///concordat.db", Path("concordat.db")),
        ("sqlite+aiosqlite:////x.db?timeout=1", Path("/x.db")),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("postgresql://ann@db.test/clubs", None),
    ],
)
def test_file_of_a_database_is_read_from_its_url(url: str, file: Path | None) -> None:
    assert sqlite_file(url) == file


def test_second_process_on_a_file_is_told_who_the_first_one_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    with alone(url), pytest.raises(Failure, match=f"Process {os.getpid()} serves"), alone(url):
        pass
    with alone(url):
        pass


def test_file_that_a_crash_left_behind_locks_nobody_out(tmp_path: Path) -> None:
    lock = process_lock(tmp_path / "x.db")
    lock.path.write_text("1")
    assert lock.acquire()
    assert lock.holder() == str(os.getpid())
    lock.release()


def test_other_engines_may_have_any_number_of_processes() -> None:
    with alone("postgresql://x"), alone("postgresql://x"):
        pass


async def test_worker_on_sqlite_needs_no_lock_of_its_own() -> None:
    lock = await worker_lock("sqlite://")
    await lock.keep()
    assert lock.held
    await lock.release()
