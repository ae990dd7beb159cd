"""Leaves: how fast the pure core appends them to tiles, and how fast the real integrator does it on Postgres."""

import hashlib
import os
import time
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from app.log.integrator import Integrator
from benchmarks.measures import Figure, Goal, Measured
from benchmarks.stage import Stage, log_of, two_clubs
from concordat import clocks
from core.log.records import SALT_SIZE, commitment
from core.log.tiles import Coordinate, append
from tests.support.databases import PostgresDatabase

GOAL = Goal(value=50_000)
BATCH = Integrator.batch
"""As many as the integrator takes in one transaction."""

RECORD = b'{"a":"record of the usual length"}'.ljust(900)


async def measure(stage: Stage, *, quick: bool) -> Sequence[Measured]:
    """Both, in leaves a second."""
    rounds, leaves = (3, 5_000) if quick else (7, 20_000)
    return [_appended(rounds, leaves * 2), await _integrated(stage, rounds, leaves)]


def _appended(rounds: int, leaves: int) -> Measured:
    hashes = [hashlib.sha256(number.to_bytes(8)).digest() for number in range(leaves)]
    rates = []
    for _ in range(rounds):
        began = time.process_time()
        size = 0
        edge: dict[Coordinate, bytes] = {}
        for start in range(0, leaves, BATCH):
            grown = append(size, edge, hashes[start : start + BATCH])
            size, edge = grown.size, grown.edge
        rates.append(leaves / (time.process_time() - began))
    notes = {"leaves a round": leaves, "by": "processor time"}
    return Figure(name="leaves, core alone", unit="/s", rounds=rates, goal=GOAL, notes=notes)


async def _integrated(stage: Stage, rounds: int, leaves: int) -> Measured:
    database = stage.template.copy()
    rates = []
    async with stage.opened(database) as system:
        club = (await two_clubs(system)).home.of_club
        integrator = log_of(system).workers.pipeline.integrator
        await integrator.drain(club)
        for _ in range(rounds):
            await fill(database, club, leaves)
            began = time.perf_counter()
            grown = await integrator.drain(club)
            rates.append(grown / (time.perf_counter() - began))
            if grown != leaves:
                raise RuntimeError(f"{grown} leaves of {leaves}")
    stage.template.server.drop_database(database.name)
    notes = {"leaves a round": leaves, "batch": BATCH}
    return Figure(name="leaves, integrator on Postgres", unit="/s", rounds=rates, goal=GOAL, notes=notes)


async def fill(database: PostgresDatabase, club: UUID, count: int) -> None:
    """Pending records of the usual length, past the use cases: the integrator reads no more of them than is right."""
    at = clocks.now()
    ids = [clocks.new_id() for _ in range(count)]
    events = [
        (key, club, None, club, "benchmark", key, 1, "benchmarks.filled", at, "benchmark", "benchmark") for key in ids
    ]
    salts = [os.urandom(SALT_SIZE) for _ in ids]
    records = [(club, key, RECORD, salt, commitment(salt, RECORD)) for key, salt in zip(ids, salts, strict=True)]
    connection = await asyncpg.connect(database.superuser_url)
    try:
        async with connection.transaction():
            await connection.copy_records_to_table("event", records=events, columns=_EVENT)
            await connection.copy_records_to_table("record", records=records, columns=_RECORD)
            pending = [(key, club, "log", at) for key in ids]
            await connection.copy_records_to_table("pending", records=pending, columns=_PENDING)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


_EVENT = (
    *("id", "club_id", "other_club", "leading_club", "kind", "aggregate_id", "version"),
    *("type", "at", "actor", "request_id"),
)
_RECORD = ("club_id", "event_id", "data", "salt", "commitment")
_PENDING = ("event_id", "tenant", "consumer", "at")
