"""Integration: pending records become leaves of their club's log, in one transaction per batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.log.guard import Guard, refuse_tiles
from app.workers import Turns, worker
from core.log.records import leaf_of
from core.log.tiles import Coordinate, append, edge_tiles, root_from_tiles
from ports.log import Backlog, Log, LogHead, LogTx
from ports.unit_of_work import Begin

CONSUMER = "log"


@dataclass(frozen=True, kw_only=True)
class Integrator:
    """`batch` is the most leaves that one transaction appends: more of them share its round trips and its commit."""

    begin: Begin[LogTx]
    backlog: Backlog
    guard: Guard
    turns: Turns
    batch: int = 4000

    async def tick(self) -> set[UUID]:
        """Integrate whatever is pending; returns the clubs whose logs grew, or may have before there was trouble."""
        grown = await self.turns.each(await self.backlog.clubs_with_work(CONSUMER), self._turn)
        return {club for club, leaves in grown.items() if leaves} | self.turns.troubled.keys()

    async def drain(self, club: UUID) -> int:
        """Integrate everything that is pending for one log; returns the number of leaves. Raises LogFrozen."""
        total = 0
        while (grown := await self._integrate(club)) is None or grown:
            if grown is None:
                # Leaves of a log that a restore has set back would take the places of those that the world has seen.
                await self.guard.admit(club)
                continue
            total += grown
            if grown < self.batch:
                break
        return total

    async def _turn(self, club: UUID) -> int:
        return await self.guard.work(club, self.drain, 0)

    async def _integrate(self, club: UUID) -> int | None:
        """The number of leaves; None, with nothing done, for a log that has to be compared first."""
        async with self.begin(worker("integrator", club)) as tx:
            if not await tx.log.lock(CONSUMER):
                return 0
            taken = await tx.log.take(CONSUMER, self.batch)
            if not taken:
                return 0
            old = await tx.log.head()
            if not self.guard.knows(club, old.size):
                return None
            events = [one.event_id for one in taken]
            commitments = await tx.log.commitments(events)
            new, tiles = await grown_by(tx.log, old, [leaf_of(commitments[event]) for event in events])
            await tx.log.grow(old, new, tiles, events)
            await tx.log.drop(CONSUMER, taken)
        self.guard.known[club] = new.size
        return len(taken)


async def grown_by(log: Log, old: LogHead, leaves: Sequence[bytes]) -> tuple[LogHead, Mapping[Coordinate, bytes]]:
    """The head after these leaf hashes, and the tiles that change; raises LogFrozen where the stored tree is torn."""
    grown = append(old.size, await edge_of(log, old), leaves)
    return LogHead(origin=old.origin, size=grown.size, root=grown.root), grown.tiles


async def edge_of(log: Log, head: LogHead) -> Mapping[Coordinate, bytes]:
    """The partial tiles to which a log is appended; raises LogFrozen, or MalformedTile, unless the head follows."""
    needed = edge_tiles(head.size)
    edge = await log.tiles([tile.at for tile in needed])
    if root_from_tiles(head.size, lambda level, index: edge.get((level, index), b"")) != head.root:
        await refuse_tiles(log, head, needed)
    return edge
