"""REST for agreements between two clubs: every move of their life cycle is a POST of its own."""

from uuid import UUID

from fastapi import APIRouter

from adapters.inbound.rest.edge.authentication import Calling
from adapters.inbound.rest.edge.lists import Paging
from adapters.inbound.rest.edge.routes import StrictRoute
from adapters.inbound.rest.edge.wire import Json
from app.clubs.agreements import (
    AcceptTerms,
    Agreements,
    AgreementView,
    ChangeTerms,
    DraftAgreement,
    SuspendAgreement,
)
from shared.paging import Page


def agreements_router(agreements: Agreements) -> APIRouter:
    """Routes over the use cases of agreements."""
    router = APIRouter(route_class=StrictRoute, tags=["agreements"])

    @router.post("/v1/agreements", operation_id="clubs.agreement.draft", status_code=201)
    async def draft(caller: Calling, command: Json[DraftAgreement]) -> AgreementView:
        """Write terms down; the partner knows nothing of them yet."""
        return await agreements.draft(caller, command)

    @router.get("/v1/agreements", operation_id="clubs.agreement.list")
    async def list_agreements(caller: Calling, page: Paging) -> Page[AgreementView]:
        """The agreements that the club is a party of."""
        return await agreements.list(caller, page)

    @router.get("/v1/agreements/{agreement_id}", operation_id="clubs.agreement.read")
    async def get(caller: Calling, agreement_id: UUID) -> AgreementView:
        """One agreement, with every version of its terms."""
        return await agreements.get(caller, agreement_id)

    _negotiation(router, agreements)
    _course(router, agreements)
    return router


def _negotiation(router: APIRouter, agreements: Agreements) -> None:
    @router.post("/v1/agreements/{agreement_id}/propose", operation_id="clubs.agreement.propose")
    async def propose(caller: Calling, agreement_id: UUID) -> AgreementView:
        """Show the draft to the partner."""
        return await agreements.propose(caller, agreement_id)

    @router.post("/v1/agreements/{agreement_id}/counter", operation_id="clubs.agreement.counter")
    async def counter(caller: Calling, agreement_id: UUID, command: Json[ChangeTerms]) -> AgreementView:
        """Answer a proposal with other terms."""
        return await agreements.counter(caller, agreement_id, command)

    @router.post("/v1/agreements/{agreement_id}/accept", operation_id="clubs.agreement.accept")
    async def accept(caller: Calling, agreement_id: UUID, command: Json[AcceptTerms]) -> AgreementView:
        """Accept exactly the terms with this hash."""
        return await agreements.accept(caller, agreement_id, command)

    @router.post("/v1/agreements/{agreement_id}/amend", operation_id="clubs.agreement.amend")
    async def amend(caller: Calling, agreement_id: UUID, command: Json[ChangeTerms]) -> AgreementView:
        """Propose a new version of the terms in force."""
        return await agreements.amend(caller, agreement_id, command)


def _course(router: APIRouter, agreements: Agreements) -> None:
    @router.post("/v1/agreements/{agreement_id}/activate", operation_id="clubs.agreement.activate")
    async def activate(caller: Calling, agreement_id: UUID) -> AgreementView:
        """Put the terms that both accepted into force."""
        return await agreements.activate(caller, agreement_id)

    @router.post("/v1/agreements/{agreement_id}/suspend", operation_id="clubs.agreement.suspend")
    async def suspend(caller: Calling, agreement_id: UUID, command: Json[SuspendAgreement]) -> AgreementView:
        """Stop visits at once, by one side alone."""
        return await agreements.suspend(caller, agreement_id, command)

    @router.post("/v1/agreements/{agreement_id}/lift", operation_id="clubs.agreement.lift")
    async def lift(caller: Calling, agreement_id: UUID) -> AgreementView:
        """Lift the suspension; only the side that suspended may."""
        return await agreements.lift(caller, agreement_id)

    @router.post("/v1/agreements/{agreement_id}/give-notice", operation_id="clubs.agreement.give_notice")
    async def give_notice(caller: Calling, agreement_id: UUID) -> AgreementView:
        """End the agreement when the notice days of its terms are over."""
        return await agreements.give_notice(caller, agreement_id)
