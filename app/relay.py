"""The relay: takes pending events in order, tells the bus, and forgets them once the bus has them."""

from dataclasses import dataclass
from uuid import UUID

from app.workers import Turns, worker
from ports.bus import Bus
from ports.log import Backlog, LogTx
from ports.unit_of_work import Begin

CONSUMER = "relay"


@dataclass(frozen=True, kw_only=True)
class Relay:
    """At least once: a crash between publishing and forgetting publishes again, and every consumer has an inbox."""

    begin: Begin[LogTx]
    backlog: Backlog
    bus: Bus
    turns: Turns
    batch: int = 100

    async def tick(self) -> int:
        """Publish whatever is pending; returns how many events that was."""
        published = await self.turns.each(await self.backlog.clubs_with_work(CONSUMER), self._drain)
        return sum(published.values())

    async def _drain(self, club: UUID) -> int:
        # Publishing happens between two transactions, since a consumer in this process opens one of its own.
        async with self.begin(worker("relay", club)) as tx:
            taken = await tx.log.take(CONSUMER, self.batch)
            messages = await tx.log.messages([one.event_id for one in taken])
        for one in taken:
            await self.bus.publish(messages[one.event_id])
        async with self.begin(worker("relay", club)) as tx:
            await tx.log.drop(CONSUMER, taken)
        return len(taken)
