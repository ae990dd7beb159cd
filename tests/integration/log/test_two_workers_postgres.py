"""Two workers at once over a real Postgres, as when one has lost its lock and does not know yet."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from adapters.inbound.jobs.pipeline import Pipeline
from concordat.assembly.workers import build_guard
from ports.caller import Caller
from ports.log import LogTx
from ports.unit_of_work import Begin
from shared.errors import ConcordatError
from tests.contracts.worlds import renamed
from tests.support.databases import PostgresDatabase
from tests.support.logs import verified
from tests.support.scenes import found
from tests.support.world import World, caller, world_at

ROUNDS = 8


async def turns(pipeline: Pipeline, done: asyncio.Event) -> list[ConcordatError]:
    """Turns until everything is written, and what went wrong in them."""
    errors = []
    while not done.is_set():
        for stage in (pipeline.integrate, pipeline.sign, pipeline.anchor):
            try:
                await stage()
            except ConcordatError as error:
                errors.append(error)
    return errors


async def write(world: World, clubs: list[Caller]) -> None:
    for number in range(ROUNDS):
        await asyncio.gather(*(renamed(world, club, f"Name {number}") for club in clubs))


async def test_two_workers_at_once_make_every_event_one_leaf_and_freeze_nothing(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    async with world_at(postgres_database.url, tmp_path) as one:
        i = one.system.infrastructure
        shared = {"ledger": i.ledger, "secrets": i.secrets, "publication": i.publication, "now": one.clock}
        async with world_at(postgres_database.url, tmp_path, overrides=shared) as two:
            clubs = [caller((await found(one)).id) for _ in range(4)]
            done = asyncio.Event()
            workers = [asyncio.create_task(turns(world.pipeline, done)) for world in (one, two)]
            await write(one, clubs)
            done.set()
            assert await asyncio.gather(*workers) == [[], []]
            assert one.system.alarms() == two.system.alarms() == []
        await renamed(one, clubs[0], "Last")
        async with world_at(postgres_database.url, tmp_path, overrides={"ledger": i.ledger}) as after:
            await after.settle()
            assert await verified(after, clubs[0]) == ROUNDS + 2
            for club in clubs[1:]:
                assert await verified(after, club) == ROUNDS + 1


@dataclass(frozen=True)
class Interrupted:
    """Opens transactions in which others get to work after the first thing that is read of the log."""

    look: Begin[LogTx]
    work: Callable[[], Awaitable[None]]

    @asynccontextmanager
    async def __call__(self, caller: Caller) -> AsyncIterator[Any]:
        async with self.look(caller) as tx:
            yield SimpleNamespace(log=_InterruptedLog(tx.log, [self.work]))


class _InterruptedLog:
    def __init__(self, log: Any, work: list[Callable[[], Awaitable[None]]]) -> None:
        self._log = log
        self._work = work

    def __getattr__(self, name: str) -> Any:
        async def read(*args: Any) -> Any:
            found = await getattr(self._log, name)(*args)
            while self._work:
                await self._work.pop()()
            return found

        return read


async def test_a_log_that_grows_and_is_signed_while_it_is_compared_is_not_frozen(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    async with world_at(postgres_database.url, tmp_path) as world:
        club = caller((await found(world)).id)
        await world.settle()

        async def grown() -> None:
            await renamed(world, club, "Haven")
            await world.settle()

        guard = build_guard(world.system.infrastructure)
        guard = replace(guard, look=Interrupted(guard.look, grown))
        assert await guard.examine(club.of_club) is None
