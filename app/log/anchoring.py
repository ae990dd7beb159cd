"""Anchoring on demand: a caller asks, the worker, wherever it runs, finds the wish and does it at its next turn."""

from dataclasses import dataclass
from uuid import UUID

from app.workers import Turns, worker
from ports.authoriser import Allow
from ports.caller import Caller
from ports.log import Backlog, LogTx
from ports.unit_of_work import Begin

CONSUMER = "anchor"
_MOST_WISHES = 1000


@dataclass(frozen=True, kw_only=True)
class Anchoring:
    """Wishes are pending rows without an event, so that they reach the worker of another process too."""

    begin: Begin[LogTx]
    allow: Allow
    backlog: Backlog
    turns: Turns

    async def ask(self, caller: Caller) -> None:
        """Have the caller's log anchored soon, not at the next full interval."""
        self.allow(caller, "log.anchor.ask")
        async with self.begin(caller) as tx:
            await tx.log.ask(CONSUMER)

    async def wanted(self) -> bool:
        """Whether anybody asked since the last time; the wishes are taken."""
        return bool(await self.turns.each(await self.backlog.clubs_with_work(CONSUMER), self._take))

    async def _take(self, club: UUID) -> None:
        async with self.begin(worker("anchorer", club)) as tx:
            await tx.log.drop(CONSUMER, await tx.log.take(CONSUMER, _MOST_WISHES))
