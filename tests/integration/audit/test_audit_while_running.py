"""An audit beside a network that goes on: what is recorded meanwhile is no tampering, on either engine."""

import asyncio
import random
from pathlib import Path

from adapters.outbound.sql.database import Database
from adapters.outbound.sql.settings import Settings
from tests.integration.audit.bank import audited, seeded_world
from tests.integration.audit.workload import Workload
from tests.support.databases import PostgresDatabase


async def audits_beside_a_workload(url: str, folder: Path) -> tuple[int, int]:
    """How many audits there were, and how many leaves more the last one saw than the first."""
    rng = random.Random(7)
    async with seeded_world(url, folder, rng) as world:
        workload = Workload(world, rng)
        await workload.begin(2)
        database = Database(Settings(url=url), now=world.clock, new_id=world.new_id)
        sizes: list[int] = []
        try:
            life = asyncio.create_task(workload.go_on(60))
            while not life.done() or len(sizes) < 2:
                found, logs = await audited(database, world.ledger)
                assert found == []
                sizes.append(sum(log.leaves for log in logs))
            await life
        finally:
            await database.close()
    return len(sizes), sizes[-1] - sizes[0]


async def test_nothing_is_found_while_sqlite_is_written_to(sqlite_url: str, tmp_path: Path) -> None:
    audits, grown = await audits_beside_a_workload(sqlite_url, tmp_path / "data")
    assert audits > 2 and grown > 0


async def test_nothing_is_found_while_postgres_is_written_to(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    audits, grown = await audits_beside_a_workload(postgres_database.url, tmp_path / "data")
    assert audits > 2 and grown > 0
