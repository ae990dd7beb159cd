"""50 tamperings on Postgres by a superuser, past row-level security and foreign keys: each is found and named."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, NullPool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.integration.audit.bank import audited, live, seeded_world
from tests.integration.audit.tampering import Impossible, Tampering, kinds, tamper
from tests.support.databases import PostgresDatabase

T = TypeVar("T")

TAMPERINGS = 50
SEED = 4
"""A network of three clubs with records that are still to be integrated."""


async def test_every_tampering_of_a_superuser_is_found_and_named(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    waiting = kinds()
    rng.shuffle(waiting)
    url = postgres_database.superuser_url.replace("postgresql:", "postgresql+asyncpg:")
    superuser = create_async_engine(url, poolclass=NullPool)
    async with seeded_world(postgres_database.url, tmp_path, rng) as world:
        await live(world, rng, SEED, 45)
        done = 0
        while done < TAMPERINGS:
            made = await edited(superuser, lambda connection: _tampered(connection, waiting.pop(), rng))
            if made is None:
                continue
            found, _logs = await audited(world.database, world.ledger)
            assert any(map(made.names, found)), f"not found, or not named: {made.what}\n{found}"
            await edited(superuser, made.undo)
            done += 1
        assert (await audited(world.database, world.ledger))[0] == []
    await superuser.dispose()


async def edited(superuser: AsyncEngine, edit: Callable[[Connection], T]) -> T:
    """An edit that no foreign key and no policy keeps back."""
    async with superuser.begin() as connection:
        await connection.execute(text("SET session_replication_role = replica"))
        return await connection.run_sync(edit)


def _tampered(connection: Connection, kind: str, rng: random.Random) -> Tampering | None:
    try:
        return tamper(connection, kind, rng)
    except Impossible:
        return None
