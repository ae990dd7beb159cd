"""REST for a club's own members: enrolment, changes, dated facts, erasure."""

from uuid import UUID

from fastapi import APIRouter

from adapters.inbound.rest.edge.authentication import Calling
from adapters.inbound.rest.edge.lists import Paging
from adapters.inbound.rest.edge.routes import StrictRoute
from adapters.inbound.rest.edge.wire import Json
from app.clubs.members import AmendMember, EnrolMember, Erased, Members, MemberView, RecordFact
from shared.paging import Page


def members_router(members: Members) -> APIRouter:
    """Routes over the use cases of members."""
    router = APIRouter(route_class=StrictRoute, tags=["members"])

    @router.post("/v1/members", operation_id="clubs.member.enrol", status_code=201)
    async def enrol(caller: Calling, command: Json[EnrolMember]) -> MemberView:
        """Enrol a member."""
        return await members.enrol(caller, command)

    @router.get("/v1/members", operation_id="clubs.member.list")
    async def list_members(caller: Calling, page: Paging) -> Page[MemberView]:
        """The club's members, in the order of their enrolment."""
        return await members.list(caller, page)

    @router.get("/v1/members/{member_id}", operation_id="clubs.member.read")
    async def get(caller: Calling, member_id: UUID) -> MemberView:
        """One member."""
        return await members.get(caller, member_id)

    @router.patch("/v1/members/{member_id}", operation_id="clubs.member.amend")
    async def amend(caller: Calling, member_id: UUID, command: Json[AmendMember]) -> MemberView:
        """Change what the club knows of the member; a field that is absent stays as it is."""
        return await members.amend(caller, member_id, command)

    @router.post("/v1/members/{member_id}/facts", operation_id="clubs.member.record")
    async def record(caller: Calling, member_id: UUID, command: Json[RecordFact]) -> MemberView:
        """Add a dated fact, from which the member's standing follows."""
        return await members.record(caller, member_id, command)

    @router.post("/v1/members/{member_id}/erase", operation_id="clubs.member.erase")
    async def erase(caller: Calling, member_id: UUID) -> Erased:
        """Destroy everything personal, for ever; logs and receipts stay valid."""
        return await members.erase(caller, member_id)

    return router
