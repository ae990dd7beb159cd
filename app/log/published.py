"""The published part of every log: checkpoint, tiles and entry bundles, for anybody, as tlog-tiles lays them out."""

from dataclasses import dataclass

from app.log.cosigned import joined
from app.log.publisher import CHECKPOINT, entries_of
from app.log.trees import hashes_of
from app.workers import worker
from core.log.tiles import EntryBundle, parse_path, width_in
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
            if newest is None or wanted.width > width_in(newest.size, wanted):
                raise Missing(kind="tile")
            return await (entries_of(tx.log, wanted) if isinstance(wanted, EntryBundle) else hashes_of(tx.log, wanted))
