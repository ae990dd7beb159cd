"""Ends agreements or visits whose time has come, in every club of the network."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from app.workers import Turns
from ports.log import Backlog


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """Looks after each club in turn; `conclude` ends what is due in one club, and says how much that was."""

    conclude: Callable[[UUID], Awaitable[int]]
    backlog: Backlog
    turns: Turns

    async def tick(self) -> int:
        """How many ended."""
        clubs = [entry.club for entry in await self.backlog.directory()]
        ended = await self.turns.each(clubs, self.conclude)
        return sum(ended.values())
