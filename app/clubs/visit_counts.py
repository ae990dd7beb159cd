"""Visits per partner club: a consumer of the bus, and the pattern of every other one."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from app.use_cases import UseCases
from app.workers import worker
from ports.bus import Message
from ports.caller import Caller
from ports.clubs import ClubsTx, VisitCount

CONSUMER = "clubs.visit_counts"


@dataclass(frozen=True, kw_only=True)
class VisitCounts(UseCases[ClubsTx]):
    """The inbox makes the effect happen once, however often the bus delivers."""

    async def on_checked_in(self, message: Message) -> None:
        """Count a check-in; the host acted, so it stands first."""
        host, home = message.clubs
        async with self.begin(worker(CONSUMER, host)) as tx:
            if await tx.first_time(CONSUMER, message.id):
                zone = ZoneInfo((await tx.clubs.entry(host)).zone)
                await tx.visit_counts.add(host, home, f"{message.at.astimezone(zone):%Y-%m}")

    async def list(self, caller: Caller) -> list[VisitCount]:
        """Every count of the caller's club, as host and as home."""
        self.allow(caller, "clubs.visit_count.read")
        async with self.look(caller) as tx:
            return list(await tx.visit_counts.of_club())
