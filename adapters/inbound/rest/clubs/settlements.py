"""REST for what pairs of clubs settle."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from adapters.inbound.rest.edge.authentication import Calling
from adapters.inbound.rest.edge.routes import StrictRoute
from app.clubs.settlements import Settlements, SettlementView
from shared.paging import Page


def settlements_router(settlements: Settlements) -> APIRouter:
    """Routes over settlements."""
    router = APIRouter(route_class=StrictRoute, tags=["settlements"])

    @router.get("/v1/settlements", operation_id="clubs.settlement.list")
    async def list_settlements(caller: Calling) -> Page[SettlementView]:
        """Every month with visits, by pair of clubs, newest first: settled, or why not; all of them, on one page."""
        return Page(data=await settlements.list(caller), next=None, prev=None)

    @router.get("/v1/visits/{visit_id}/settlement", operation_id="clubs.visit.settlement", response_class=Response)
    async def proof(caller: Calling, visit_id: UUID) -> Response:
        """Proof that the visit is among what its clubs settled, which `concordat verify` checks offline."""
        return Response(await settlements.prove(caller, visit_id), media_type="application/json")

    return router
