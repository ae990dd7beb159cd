"""REST for visits: request, confirm, check in, check out, and the other ways in which a visit ends.

A decision by the agreed rules that refuses is answered as a 422 whose type is the first failed rule (rule vis0).
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from adapters.inbound.rest.edge.authentication import Calling, CallingOnce
from adapters.inbound.rest.edge.lists import Paging
from adapters.inbound.rest.edge.routes import StrictRoute
from adapters.inbound.rest.edge.wire import Json
from app.clubs.visits import CheckIn, ConfirmVisit, Decision, EndVisit, RequestVisit, Visits, VisitView
from core.clubs.visit_states import VisitState
from shared.paging import Page


def visits_router(visits: Visits) -> APIRouter:
    """Routes over the use cases of visits, the desk's first."""
    router = APIRouter(route_class=StrictRoute, tags=["visits"])

    @router.post("/v1/visits/{visit_id}/check-in", operation_id="clubs.visit.check_in")
    async def check_in(caller: CallingOnce, visit_id: UUID, command: Json[CheckIn]) -> Decision:
        """Admit the member who stands at the desk, if the rules say so now."""
        return await visits.check_in(caller, visit_id, command)

    @router.post("/v1/visits/{visit_id}/check-out", operation_id="clubs.visit.check_out")
    async def check_out(caller: Calling, visit_id: UUID) -> VisitView:
        """The member leaves."""
        return await visits.check_out(caller, visit_id)

    @router.get("/v1/visits/{visit_id}", operation_id="clubs.visit.read")
    async def get(caller: Calling, visit_id: UUID) -> VisitView:
        """One visit, of which the club is host or home."""
        return await visits.get(caller, visit_id)

    @router.get("/v1/visits", operation_id="clubs.visit.list")
    async def list_visits(
        caller: Calling, page: Paging, state: Annotated[VisitState | None, Query()] = None
    ) -> Page[VisitView]:
        """The visits of which the club is host or home, in the order of their requests."""
        return await visits.list(caller, page, state)

    _booking(router, visits)
    _endings(router, visits)
    return router


def _booking(router: APIRouter, visits: Visits) -> None:
    @router.post("/v1/visits", operation_id="clubs.visit.request", status_code=201)
    async def request(caller: Calling, command: Json[RequestVisit]) -> Decision:
        """Announce a member to a host."""
        return await visits.request(caller, command)

    @router.post("/v1/visits/{visit_id}/confirm", operation_id="clubs.visit.confirm")
    async def confirm(caller: Calling, visit_id: UUID, command: Json[ConfirmVisit]) -> Decision:
        """Reserve the days, if the rules still allow it."""
        return await visits.confirm(caller, visit_id, command)


def _endings(router: APIRouter, visits: Visits) -> None:
    @router.post("/v1/visits/{visit_id}/decline", operation_id="clubs.visit.decline")
    async def decline(caller: Calling, visit_id: UUID, command: Json[EndVisit]) -> VisitView:
        """The host does not want the visit."""
        return await visits.decline(caller, visit_id, command)

    @router.post("/v1/visits/{visit_id}/cancel", operation_id="clubs.visit.cancel")
    async def cancel(caller: Calling, visit_id: UUID, command: Json[EndVisit]) -> VisitView:
        """The visit will not take place; its days are free again, unless it was confirmed and they are over."""
        return await visits.cancel(caller, visit_id, command)

    @router.post("/v1/visits/{visit_id}/deny", operation_id="clubs.visit.deny")
    async def deny(caller: Calling, visit_id: UUID, command: Json[EndVisit]) -> VisitView:
        """The desk turns a confirmed visitor away."""
        return await visits.deny(caller, visit_id, command)

    @router.post("/v1/visits/{visit_id}/no-show", operation_id="clubs.visit.no_show")
    async def no_show(caller: Calling, visit_id: UUID) -> VisitView:
        """The days are over and nobody came."""
        return await visits.no_show(caller, visit_id)
