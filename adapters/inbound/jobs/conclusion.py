"""Ends agreements whose time has come, in every club of the network."""

from dataclasses import dataclass

from app.clubs.agreements import Agreements
from app.workers import in_turn, report
from ports.log import Backlog


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """Looks after each club in turn; trouble in one club does not keep the others waiting."""

    agreements: Agreements
    backlog: Backlog

    async def tick(self) -> int:
        """How many agreements ended; raises what failed, once every club had its turn."""
        clubs = [entry.club for entry in await self.backlog.directory()]
        ended, failed = await in_turn(clubs, self.agreements.conclude)
        report(failed)
        return sum(ended.values())
