"""The published part of every log: checkpoint, tiles and entry bundles, for anybody, as tlog-tiles lays them out."""

from dataclasses import dataclass

from app.log.cosigned import joined
from app.log.publisher import CHECKPOINT, entries_of
from app.log.trees import hashes_of
from app.workers import worker
from core.log.tiles import TILE_HEIGHT, TILE_WIDTH, EntryBundle, Tile, parse_path
from ports.log import Backlog, LogTx
from ports.unit_of_work import Begin, Missing


@dataclass(frozen=True, kw_only=True)
class PublishedLogs:
    """Shows what a signed checkpoint covers and nothing beyond it: commitments and hashes, no record."""

    look: Begin[LogTx]
    backlog: Backlog

    async def checkpoint(self, origin: str) -> str:
        """The newest signed note with its cosignatures; raises Missing for an unknown log and before the first one."""
        entry = await self.backlog.entry(origin)
        async with self.look(worker("published", entry.club)) as tx:
            newest = await tx.log.checkpoint()
            if newest is None:
                raise Missing(kind=CHECKPOINT)
            return await joined(tx.log, newest)

    async def file(self, origin: str, path: str) -> bytes:
        """The tile or entry bundle at `path`; raises MalformedTile for no path, Missing beyond the checkpoint."""
        wanted = parse_path(path)
        entry = await self.backlog.entry(origin)
        async with self.look(worker("published", entry.club)) as tx:
            newest = await tx.log.checkpoint()
            if newest is None or wanted.width > _width(wanted, newest.size):
                raise Missing(kind="tile")
            return await (entries_of(tx.log, wanted) if isinstance(wanted, EntryBundle) else hashes_of(tx.log, wanted))


def _width(wanted: Tile | EntryBundle, size: int) -> int:
    """How wide the tile, or the one behind which the bundle stands, is in a tree of `size` leaves; below 1 for none."""
    level = wanted.level if isinstance(wanted, Tile) else 0
    return min((size >> TILE_HEIGHT * level) - wanted.index * TILE_WIDTH, TILE_WIDTH)
