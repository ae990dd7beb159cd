"""REST for clubs: founding, reading and amending them, and the directory of the network."""

from uuid import UUID

from fastapi import APIRouter

from adapters.inbound.rest.edge.authentication import Calling
from adapters.inbound.rest.edge.lists import Paging, page_of
from adapters.inbound.rest.edge.routes import StrictRoute
from adapters.inbound.rest.edge.wire import Json
from app.clubs.clubs import AmendClub, Clubs, ClubView, FoundClub
from ports.log import DirectoryEntry
from shared.paging import Page


def clubs_router(clubs: Clubs) -> APIRouter:
    """Routes over the use cases of clubs."""
    router = APIRouter(route_class=StrictRoute, tags=["clubs"])

    @router.post("/v1/clubs", operation_id="clubs.club.found", status_code=201)
    async def found(caller: Calling, command: Json[FoundClub]) -> ClubView:
        """Found a club with a log of its own; for operators of the network."""
        return await clubs.found(caller, command)

    @router.get("/v1/clubs/{club_id}", operation_id="clubs.club.read")
    async def get(caller: Calling, club_id: UUID) -> ClubView:
        """The caller's own club."""
        return await clubs.get(caller, club_id)

    @router.patch("/v1/clubs/{club_id}", operation_id="clubs.club.amend")
    async def amend(caller: Calling, club_id: UUID, command: Json[AmendClub]) -> ClubView:
        """Change what the club says of itself; a field that is absent stays as it is."""
        return await clubs.amend(caller, club_id, command)

    @router.get("/v1/directory", operation_id="clubs.directory.read")
    async def directory(caller: Calling, page: Paging) -> Page[DirectoryEntry]:
        """Every club of the network, with the origin of its log."""
        return page_of(await clubs.directory(caller), lambda entry: entry.club, page)

    return router
