"""The receipt of a visit: that of the check-in which admitted the member."""

from dataclasses import dataclass
from uuid import UUID

from app.log.receipts import Receipts
from app.use_cases import UseCases
from core.log.receipts import Receipt
from ports.caller import Caller
from ports.clubs import ClubsTx


@dataclass(frozen=True, kw_only=True)
class VisitReceipts(UseCases[ClubsTx]):
    """`receipts` knows events and no visits."""

    receipts: Receipts

    async def get(self, caller: Caller, visit_id: UUID) -> Receipt:
        """What the caller's own log proves of it; raises Missing, NeverCheckedIn, and NotYetSigned."""
        self.allow(caller, "clubs.visit.read")
        async with self.look(caller) as tx:
            event_id = await tx.visits.admission(visit_id)
        return await self.receipts.get(caller, event_id)
