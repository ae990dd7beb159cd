"""VisitService: the use cases of visits that a desk and its partner club need."""

from typing import Any

import grpc

from adapters.inbound.cursors import Cursors, ListOf
from adapters.inbound.grpc.clubs.views import kept_decision, outcome, state_of, visit_message
from adapters.inbound.grpc.edge.call import calling
from adapters.inbound.grpc.edge.conditions import changing, once
from adapters.inbound.grpc.edge.fields import Fields
from adapters.inbound.grpc.edge.lists import page_request
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from adapters.inbound.grpc.generated.concordat.v1.visits_pb2_grpc import VisitServiceServicer
from adapters.inbound.grpc.log import spelt
from app.clubs.receipts import VisitReceipts
from app.clubs.visits import CheckIn, ConfirmVisit, RequestVisit, Visits
from core.clubs.visit_states import VisitState

NAME: str = pb.DESCRIPTOR.services_by_name["VisitService"].full_name

_Context = grpc.aio.ServicerContext[Any, Any]


class VisitServicer(VisitServiceServicer):
    """`cursor_key` (32 bytes) signs list cursors and has to be the same in every process."""

    def __init__(self, visits: Visits, receipts: VisitReceipts, *, cursor_key: bytes) -> None:
        self._visits = visits
        self._receipts = receipts
        self._cursors = Cursors(cursor_key)

    async def RequestVisit(self, request: pb.RequestVisitRequest, context: _Context) -> pb.RequestVisitResponse:
        with Fields(request) as read:
            command = RequestVisit(
                member_id=read.id("member_id"),
                host_club=read.id("host_club"),
                first_day=read.day("first_day"),
                last_day=read.day("last_day"),
            )
        caller = changing("clubs.visit.request", command, versioned=False)
        decision = await once(self._visits.request(caller, command), kept_decision)
        return pb.RequestVisitResponse(decision=outcome(decision))

    async def ConfirmVisit(self, request: pb.ConfirmVisitRequest, context: _Context) -> pb.ConfirmVisitResponse:
        with Fields(request) as read:
            key = read.id("visit_id")
        command = ConfirmVisit(residence_proven=request.residence_proven)
        caller = changing("clubs.visit.confirm", key, command)
        decision = await once(self._visits.confirm(caller, key, command), kept_decision)
        return pb.ConfirmVisitResponse(decision=outcome(decision))

    async def CheckIn(self, request: pb.CheckInRequest, context: _Context) -> pb.CheckInResponse:
        with Fields(request) as read:
            key = read.id("visit_id")
        command = CheckIn(residence_proven=request.residence_proven)
        caller = changing("clubs.visit.check_in", key, command, key_required=True)
        decision = await once(self._visits.check_in(caller, key, command), kept_decision)
        return pb.CheckInResponse(decision=outcome(decision))

    async def GetVisit(self, request: pb.GetVisitRequest, context: _Context) -> pb.GetVisitResponse:
        with Fields(request) as read:
            key = read.id("visit_id")
        return pb.GetVisitResponse(visit=visit_message(await self._visits.get(calling(), key)))

    async def GetVisitReceipt(
        self, request: pb.GetVisitReceiptRequest, context: _Context
    ) -> pb.GetVisitReceiptResponse:
        with Fields(request) as read:
            key = read.id("visit_id")
        return pb.GetVisitReceiptResponse(**spelt(await self._receipts.get(calling(), key)))

    async def ListVisits(self, request: pb.ListVisitsRequest, context: _Context) -> pb.ListVisitsResponse:
        state = state_of(request.state)
        which = _list_of(state)
        page = await self._visits.list(calling(), page_request(request, self._cursors, which), state)
        return pb.ListVisitsResponse(
            data=[visit_message(visit) for visit in page.data],
            next=self._cursors.next(which, page.next) or "",
            prev=self._cursors.prev(which, page.prev) or "",
        )


def _list_of(state: VisitState | None) -> ListOf:
    filters = {} if state is None else {"state": state.value}
    return ListOf(operation="clubs.visit.list", club=calling().club, filters=filters)
