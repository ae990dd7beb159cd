"""Leaving no byte of what was deleted: rewrites the database's files after an erasure."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from adapters.outbound.sql.postgres import owners_engine
from adapters.outbound.sql.postgres_url import is_postgres
from adapters.outbound.sql.tables import metadata
from shared.errors import Busy

HOLDS_PERSONAL_VALUES: Sequence[str] = tuple(name for name, table in metadata.tables.items() if table.info["personal"])
"""The tables to rewrite. Statistics hold nothing of them: no migration lets Postgres sample their personal columns."""

_MARK = "SELECT pg_current_xact_id()::xid"
_OLDER = text("""SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND age(backend_xmin) >= age(CAST(:mark AS xid))""")
_TRIES, _PAUSE_SECONDS = 20, 0.25


class StillInUse(Busy):
    """Somebody has read the database without a pause since before the erasure; a retry is safe."""

    code = "database/still-in-use"
    title = "The database is in use, and its files still hold what was deleted."


async def vacuum(owner_url: str) -> None:
    """Rewrite what an erasure touched; on Postgres as the owner, table by table, each locked meanwhile.

    What a write-ahead log that was archived, or a backup, still holds is not reached by this. Raises StillInUse.
    """
    postgres = is_postgres(owner_url)
    sqlite = make_url(owner_url).set(drivername="sqlite+aiosqlite")
    engine = owners_engine(owner_url) if postgres else create_async_engine(sqlite)
    try:
        async with engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            await (_rewrite_postgres(connection) if postgres else _rewrite_sqlite(connection))
    finally:
        await engine.dispose()


async def _rewrite_postgres(connection: AsyncConnection) -> None:
    """Rewriting keeps deleted rows that an older transaction could still see, so those have to end first."""
    mark = await connection.scalar(text(_MARK))
    for _ in range(_TRIES):
        if not await connection.scalar(_OLDER, {"mark": mark}):
            break
        await asyncio.sleep(_PAUSE_SECONDS)
    else:
        raise StillInUse
    for table in HOLDS_PERSONAL_VALUES:
        await connection.execute(text(f'VACUUM (FULL) "{table}"'))


async def _rewrite_sqlite(connection: AsyncConnection) -> None:
    """The file anew, then the journal into the file and emptied, which waits for whoever still reads from it."""
    await connection.execute(text("PRAGMA secure_delete=ON"))
    await connection.execute(text("VACUUM"))
    for _ in range(_TRIES):
        busy = (await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))).first()
        if busy is None or busy[0] == 0:
            return
        await asyncio.sleep(_PAUSE_SECONDS)
    raise StillInUse
