"""REST for the receipts of visits."""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from adapters.inbound.rest.edge.authentication import Calling
from adapters.inbound.rest.edge.routes import StrictRoute
from adapters.inbound.rest.log import IN_TWO_SPELLINGS, ReceiptView, spelt
from app.clubs.receipts import VisitReceipts


def receipts_router(receipts: VisitReceipts) -> APIRouter:
    """The one route over them."""
    router = APIRouter(route_class=StrictRoute, tags=["visits"])

    @router.get("/v1/visits/{visit_id}/receipt", operation_id="clubs.visit.receipt", responses=IN_TWO_SPELLINGS)
    async def receipt(request: Request, caller: Calling, visit_id: UUID) -> ReceiptView | Response:
        """The receipt of the check-in: as JSON, or as tlog-proof text with `Accept: text/plain`."""
        return spelt(request, await receipts.get(caller, visit_id))

    return router
