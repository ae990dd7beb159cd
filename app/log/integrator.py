"""Integration: pending records become leaves of their club's log, in one transaction per batch."""

from dataclasses import dataclass
from uuid import UUID

from app.workers import in_turn, report, worker
from core.log.records import leaf_of
from core.log.tiles import append, edge_tiles
from ports.log import Backlog, LogHead, LogTx
from ports.unit_of_work import Begin

CONSUMER = "log"


@dataclass(frozen=True, kw_only=True)
class Integrator:
    """`batch` is the most leaves that one transaction appends."""

    begin: Begin[LogTx]
    backlog: Backlog
    batch: int = 1000

    async def tick(self) -> set[UUID]:
        """Integrate whatever is pending; returns the clubs whose logs grew."""
        grown, failed = await in_turn(await self.backlog.clubs_with_work(CONSUMER), self.drain)
        report(failed)
        return {club for club, leaves in grown.items() if leaves}

    async def drain(self, club: UUID) -> int:
        """Integrate everything that is pending for one log; returns the number of leaves."""
        total = 0
        while grown := await self._integrate(club):
            total += grown
            if grown < self.batch:
                break
        return total

    async def _integrate(self, club: UUID) -> int:
        async with self.begin(worker("integrator", club)) as tx:
            if not await tx.log.lock(CONSUMER):
                return 0
            taken = await tx.log.take(CONSUMER, self.batch)
            if not taken:
                return 0
            events = [one.event_id for one in taken]
            commitments = await tx.log.commitments(events)
            old = await tx.log.head()
            edge = await tx.log.tiles([tile.at for tile in edge_tiles(old.size)])
            grown = append(old.size, edge, [leaf_of(commitments[event]) for event in events])
            new = LogHead(origin=old.origin, size=grown.size, root=grown.root)
            await tx.log.grow(old, new, grown.tiles, events)
            await tx.log.drop(CONSUMER, taken)
            return len(taken)
