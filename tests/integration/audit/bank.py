"""Databases to tamper with: each a network's life by one seed, quiesced, with the ledger that witnessed it."""

import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine

from adapters.outbound.signatures import SIGNATURES
from adapters.outbound.sql.audit import SqlAuditedLogs
from adapters.outbound.sql.database import Database
from adapters.outbound.sql.settings import Settings
from app.clubs.audited import AUDITED
from app.log import anchoring, integrator
from app.log.audit.audit import Audit, LogAudit
from app.log.audit.catalogue import Audited, Catalogue
from app.log.keys import ROTATION
from app.relay import CONSUMER as RELAY
from concordat.container import running
from concordat.settings import load
from core.log.audit.findings import ALL_CHECKS, Check, Finding
from core.log.rebuilding import LogRebuilt
from core.log.rotation import KeyRotated
from ports.caller import Caller
from ports.ledger import Ledger
from ports.log import Publication
from tests.integration.audit.workload import SeededIds, Workload
from tests.support.world import Clock, World

CATALOGUE = Catalogue.of(
    [AUDITED, Audited(events=(LogRebuilt, KeyRotated))],
    frozenset({RELAY, integrator.CONSUMER, anchoring.CONSUMER, ROTATION}),
)
LONGER_THAN_A_TILE = 280


@dataclass(frozen=True, kw_only=True)
class Bank:
    """A quiesced database of its own; `audited` audits it as it stands, `restore` makes it what it was."""

    seed: int
    original: Path
    path: Path
    ledger: Ledger
    publication: Publication
    database: Database

    async def audited(
        self, checks: Collection[Check] = ALL_CHECKS, *, published: bool = True
    ) -> tuple[list[Finding], list[LogAudit]]:
        """What an audit of the file as it is now finds."""
        return await audited(self.database, self.ledger, checks, self.publication if published else None)

    @cached_property
    def _editor(self) -> Engine:
        return create_engine(f"sqlite:///{self.path}", poolclass=NullPool)

    def editor(self) -> AbstractContextManager[Connection]:
        """A transaction of somebody who has the file in an editor: nothing is checked but keys."""
        return self._editor.begin()

    async def restore(self) -> None:
        """The file as it was; connections go first, since they would hold on to the old one."""
        await self.database.close()
        for old in (self.path, Path(f"{self.path}-wal"), Path(f"{self.path}-shm")):
            old.unlink(missing_ok=True)
        shutil.copyfile(self.original, self.path)


async def audited(
    database: Database,
    ledger: Ledger,
    checks: Collection[Check] = ALL_CHECKS,
    publication: Publication | None = None,
) -> tuple[list[Finding], list[LogAudit]]:
    """All findings of one audit, and how each log fared."""
    findings: list[Finding] = []
    audit = Audit(
        logs=SqlAuditedLogs(database),
        ledger=ledger,
        signatures=SIGNATURES,
        catalogue=CATALOGUE,
        network="local.concordat.example",
        publication=publication,
        checks=checks,
    )
    return findings, list(await audit.run(findings.append))


@asynccontextmanager
async def bank(seed: int, template: Path, folder: Path, *, steps: int = 45) -> AsyncIterator[Bank]:
    """Every fifth has a log longer than a tile, every third one with two keys.

    Every fourth ends with records that are still to be integrated.
    """
    rng = random.Random(seed)
    path, original = folder / "network.db", folder / "original.db"
    shutil.copyfile(template, path)
    async with seeded_world(f"sqlite:///{path}", folder / "data", rng) as world:
        await live(world, rng, seed, steps)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(path, original)
        copy = folder / "copy.db"
        shutil.copyfile(path, copy)
        told = Settings(url=f"sqlite:///{copy}", pool_size=2)
        database = Database(told, now=world.clock, new_id=world.new_id)
        try:
            yield Bank(
                seed=seed,
                original=original,
                path=copy,
                ledger=world.ledger,
                publication=world.system.infrastructure.publication,
                database=database,
            )
        finally:
            await database.close()


@asynccontextmanager
async def seeded_world(url: str, folder: Path, rng: random.Random) -> AsyncIterator[World]:
    """A world whose ids, keys and salts follow from the seed; nobody looks through its statements, for speed."""
    clock, new_id = Clock(), SeededIds(rng)
    given: dict[str, Any] = {"now": clock, "new_id": new_id, "random_bytes": rng.randbytes, "allow": _everything}
    async with running(load(profile="local", data_folder=folder, database_url=url), given) as system:
        built = {one.module.name: one.use_cases for one in system.modules}
        clubs, log, platform = built["clubs"], built["log"], built["platform"]
        relay, purge = platform.relay, platform.purge
        yield World(system=system, clock=clock, new_id=new_id, clubs=clubs, log=log, relay=relay, purge=purge)


def _everything(_caller: Caller, _permission: str) -> None:
    """Everybody may do everything."""


async def live(world: World, rng: random.Random, seed: int, steps: int) -> None:
    workload = Workload(world, rng)
    await workload.begin(2 if seed % 4 else 3)
    await workload.go_on(steps)
    if seed % 5 == 0:
        await workload.grow(workload.clubs[0], LONGER_THAN_A_TILE)
        await world.settle()
    if seed % 3 == 1:
        await workload.rotate(workload.clubs[0])
    await workload.relay()
    if seed % 4 == 0:
        for _ in range(4):
            await workload.enrolled_somebody()
