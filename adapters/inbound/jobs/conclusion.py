"""Ends agreements and visits whose time has come, in every club of the network."""

from dataclasses import dataclass

from app.clubs.agreements import Agreements
from app.clubs.visits import Visits
from app.workers import in_turn, report
from ports.log import Backlog


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """Looks after each club in turn; trouble in one club does not keep the others waiting."""

    agreements: Agreements
    visits: Visits
    backlog: Backlog

    async def tick(self) -> int:
        """How many agreements and visits ended; raises what failed, once every club had its turn with both."""
        clubs = [entry.club for entry in await self.backlog.directory()]
        agreements, failed = await in_turn(clubs, self.agreements.conclude)
        visits, failed_too = await in_turn(clubs, self.visits.conclude)
        report([*failed, *failed_too])
        return sum(agreements.values()) + sum(visits.values())
