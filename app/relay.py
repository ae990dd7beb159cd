"""The relay: takes pending events in order, tells the bus, and forgets them once the bus has them."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from app.workers import Turns, worker
from ports.bus import Bus
from ports.log import Backlog, LogTx
from ports.unit_of_work import Begin

CONSUMER = "relay"
AT_ONCE = 8
"""So many clubs are told of side by side; each may hold one connection of the pool, and each of its consumers one."""
PATIENCE_SECONDS = 1.0
"""How long messages of one club are begun with at a turn: what a consumer fails at takes seconds each."""


@dataclass(frozen=True, kw_only=True)
class Relay:
    """At least once: a crash between publishing and forgetting publishes again, and every consumer has an inbox."""

    begin: Begin[LogTx]
    backlog: Backlog
    bus: Bus
    turns: Turns
    batch: int = 100

    async def tick(self) -> int:
        """Publish what is pending, of no club for much longer than its patience; returns how many events that was."""
        # All lanes take from one iterator: a club that takes long holds up its own lane alone.
        clubs = iter(await self.backlog.clubs_with_work(CONSUMER))
        lanes = (self.turns.each(clubs, self._drain) for _ in range(AT_ONCE))
        outcomes = await asyncio.gather(*lanes, return_exceptions=True)
        published = 0
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            published += sum(outcome.values())
        return published

    async def _drain(self, club: UUID) -> int:
        # Publishing happens between two transactions, since a consumer in this process opens one of its own.
        async with self.begin(worker("relay", club)) as tx:
            taken = await tx.log.take(CONSUMER, self.batch)
            messages = await tx.log.messages([one.event_id for one in taken])
        began, told = self.turns.now(), 0
        while told < len(taken) and (self.turns.now() - began).total_seconds() < PATIENCE_SECONDS:
            await self.bus.publish(messages[taken[told].event_id])
            told += 1
        async with self.begin(worker("relay", club)) as tx:
            await tx.log.drop(CONSUMER, taken[:told])
        return told
