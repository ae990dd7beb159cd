"""Purging: what transactions left behind is deleted once nobody needs it, a bounded number of rows a turn."""

from dataclasses import dataclass
from uuid import UUID

from app.workers import Turns
from ports.log import Backlog
from ports.unit_of_work import Leftovers


@dataclass(frozen=True, kw_only=True)
class Purge:
    """`batch` is the most rows that one transaction deletes: one for the inbox, and one for each club's answers."""

    leftovers: Leftovers
    backlog: Backlog
    turns: Turns
    batch: int = 1000

    async def tick(self) -> int:
        """Returns how many rows went; what is left over waits for the next turn."""
        clubs = [entry.club for entry in await self.backlog.directory()]
        answers = await self.turns.each(clubs, self._answers)
        # The inbox is the last: trouble with it is the job's, and keeps no club waiting.
        return sum(answers.values()) + await self.leftovers.drop_handled(self.batch)

    async def _answers(self, club: UUID) -> int:
        return await self.leftovers.drop_answers(club, self.batch)
