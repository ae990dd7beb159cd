"""REST for what follows from visits: verdicts, judged again, and the counts of visits between clubs."""

from uuid import UUID

from fastapi import APIRouter

from adapters.inbound.rest.edge.authentication import Calling
from adapters.inbound.rest.edge.routes import StrictRoute
from app.clubs.verdicts import Verdicts, VerdictView
from app.clubs.visit_counts import VisitCounts
from ports.clubs import VisitCount
from shared.paging import Page


def verdicts_router(verdicts: Verdicts, counts: VisitCounts) -> APIRouter:
    """Routes over verdicts and visit counts."""
    router = APIRouter(route_class=StrictRoute, tags=["visits"])

    @router.get("/v1/verdicts/{verdict_id}", operation_id="clubs.verdict.read")
    async def get(caller: Calling, verdict_id: UUID) -> VerdictView:
        """The verdict behind a decision (its `receipt`), and whether the same inputs give it again."""
        return await verdicts.get(caller, verdict_id)

    @router.get("/v1/visit-counts", operation_id="clubs.visit_count.list")
    async def list_counts(caller: Calling) -> Page[VisitCount]:
        """Check-ins by pair of clubs and month, newest first; all of them, on one page."""
        return Page(data=await counts.list(caller), next=None, prev=None)

    return router
