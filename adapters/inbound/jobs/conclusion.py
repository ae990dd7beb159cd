"""Ends agreements whose time has come, in every club of the network."""

from dataclasses import dataclass

from app.clubs.agreements import Agreements
from ports.log import Backlog


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """Looks after each club in turn; trouble in one club does not keep the others waiting."""

    agreements: Agreements
    backlog: Backlog

    async def tick(self) -> int:
        """How many agreements ended; raises what failed, once every club had its turn."""
        ended, failed = 0, []
        for entry in await self.backlog.directory():
            try:
                ended += await self.agreements.conclude(entry.club)
            except Exception as error:
                failed.append(error)
        if failed:
            raise ExceptionGroup("agreements could not be concluded", failed)
        return ended
