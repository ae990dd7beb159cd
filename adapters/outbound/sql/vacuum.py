"""Leaving no byte of what was deleted: rewrites the database's files after an erasure."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from shared.errors import Busy

HOLDS_PERSONAL_VALUES: Sequence[str] = ("member", "visit", "standing_grant", "disclosure", "subject", "answer")
_TRIES, _PAUSE_SECONDS = 20, 0.25


class StillInUse(Busy):
    """Somebody reads the database without a pause, so that its journal cannot be emptied; a retry is safe."""

    code = "database/still-in-use"
    title = "The database is in use, and its journal still holds what was deleted."


async def vacuum(owner_url: str) -> None:
    """Rewrite what an erasure touched; on Postgres as the owner, table by table, each locked meanwhile.

    What a write-ahead log that was archived, or a backup, still holds is not reached by this. Raises StillInUse.
    """
    url = make_url(owner_url)
    postgres = url.get_backend_name() == "postgresql"
    engine = create_async_engine(url.set(drivername="postgresql+asyncpg" if postgres else "sqlite+aiosqlite"))
    try:
        async with engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            if postgres:
                for table in HOLDS_PERSONAL_VALUES:
                    await connection.execute(text(f'VACUUM (FULL) "{table}"'))
                return
            await connection.execute(text("PRAGMA secure_delete=ON"))
            await connection.execute(text("VACUUM"))
            for _ in range(_TRIES):
                busy = (await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))).first()
                if busy is None or busy[0] == 0:
                    return
                await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        await engine.dispose()
    raise StillInUse
