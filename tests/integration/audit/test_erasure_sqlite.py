"""Erased from SQLite: no byte of the person is left in the database's files, nor beside them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from adapters.outbound.sql.vacuum import vacuum
from tests.integration.audit.canaries import CANARIES, every_file, found_in
from tests.integration.audit.erasing import erased_without_a_trace
from tests.support.world import world_at


async def test_nothing_of_an_erased_person_is_left_in_any_byte(sqlite_url: str, tmp_path: Path) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    async with world_at(sqlite_url, tmp_path / "data") as world:
        await erased_without_a_trace(world, lambda: tmp_path.glob(f"{path.name}*"), tmp_path, sqlite_url)


async def test_rows_that_were_deleted_without_overwriting_them_are_found_until_the_file_is_rewritten(
    sqlite_url: str, tmp_path: Path
) -> None:
    """A planted bug: a connection on which secure_delete is off, and whose journal is emptied all the same."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        for name, text in CANARIES.items():
            connection.execute("INSERT INTO directory VALUES (?, ?, ?, 'UTC', 0, 0)", (f"{name:032}", name, text))
        connection.commit()
        connection.execute("DELETE FROM directory")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert found_in(every_file(tmp_path))
    await vacuum(sqlite_url)
    assert found_in(every_file(tmp_path)) == set()
