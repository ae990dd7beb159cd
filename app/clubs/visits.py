"""Visits: request, confirm, check in, check out; every refusal by the policy is an outcome that is kept (rule vis0)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import ClassVar
from uuid import UUID

from app.clubs.clubs import ClubView
from app.clubs.grants import granted
from app.clubs.judging import Judged, Stay, judge
from app.use_cases import UseCases, as_expected, show
from app.workers import in_turn, report, worker
from core.clubs.agreement import VISITS_SCOPE
from core.clubs.commitments import member_commitment
from core.clubs.days import last_closed, local_date
from core.clubs.eligibility import Failure
from core.clubs.lifecycle import step
from core.clubs.member import Member
from core.clubs.refused_visit import VisitRefused
from core.clubs.visit import Visit, VisitRequested
from core.clubs.visit_refusals import AlreadyCheckedIn, NotDue, WrongState
from core.clubs.visit_states import LIFE_CYCLE, VisitMove, VisitState
from ports.caller import Caller
from ports.clubs import ClubsTx
from shared.errors import Forbidden
from shared.events import Event
from shared.paging import Page, PageRequest

KEY_SIZE = 32
MOST_AT_A_TURN = 500


class NotTheHost(Forbidden):
    """The home club tries what only the host decides."""

    code = "visit/not-the-host"
    title = "Only the host club may do this."


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestVisit:
    """Days are of the host's calendar, both included."""

    member_id: UUID
    host_club: UUID
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmVisit:
    """`residence_proven`: the host saw a proof, where the terms ask for one."""

    residence_proven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    """What the desk enters. The time is the server's own."""

    residence_proven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndVisit:
    """Why a visit does not take place."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitView:
    """A visit as both clubs see it; `member_ref` is the reference by which the host knows the member."""

    kind: ClassVar[str] = "visit"

    id: UUID
    version: int
    host_club: UUID
    home_club: UUID
    agreement_id: UUID
    terms_number: int
    terms_hash: bytes
    member_ref: UUID
    first_day: date
    last_day: date
    state: VisitState
    verdict_hash: bytes
    requested_at: datetime
    confirmed_at: datetime | None
    checked_in_at: datetime | None
    checked_out_at: datetime | None
    auto_check_out: bool
    reason: str | None
    commitment: bytes | None
    erased: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the policy said; `visit` is null if a request was refused. `receipt` is the id of its event and verdict."""

    eligible: bool
    failed: tuple[Failure, ...]
    verdict_hash: bytes
    visit: VisitView | None
    receipt: UUID


@dataclass(frozen=True, kw_only=True)
class Visits(UseCases[ClubsTx]):
    """`random_bytes` gives visit keys. Decisions about a member are made one at a time, so that quotas hold (vis7)."""

    random_bytes: Callable[[int], bytes]

    async def request(self, caller: Caller, command: RequestVisit) -> Decision:
        """The home club announces a member; the verdict is kept whatever it says."""
        self.allow(caller, "clubs.visit.request")
        async with self.begin(caller) as tx:
            member = await tx.members.get(command.member_id)
            await tx.visits.hold(member.person().ref)
            stay = await self._announced(tx, member, command)
            judged = await judge(tx, stay, at=self.now(), id=self.new_id())
            visit, events = _request(judged)
            if visit is not None:
                await tx.visits.add(visit)
                await tx.grants.put(stay.grant)
            tx.emit(*events)
            return tx.answer(_decision(judged, visit))

    async def confirm(self, caller: Caller, key: UUID, command: ConfirmVisit) -> Decision:
        """The host reserves the days, if the policy still allows it."""
        self.allow(caller, "clubs.visit.confirm")
        async with self.begin(caller) as tx:
            visit, judged = await self._judged(caller, tx, key, VisitMove.CONFIRM, command.residence_proven)
            verdict = judged.verdict
            visit, events = visit.confirm(verdict, judged.hash, verdict.at, judged.stay.host.zone)
            await tx.visits.save(visit)
            tx.emit(*events)
            return tx.answer(_decision(judged, visit))

    async def check_in(self, caller: Caller, key: UUID, command: CheckIn) -> Decision:
        """The member stands at the desk; a confirmed booking is not a right (rule vis4)."""
        self.allow(caller, "clubs.visit.check_in")
        async with self.begin(caller) as tx:
            visit, judged = await self._judged(caller, tx, key, VisitMove.CHECK_IN, command.residence_proven)
            stay, verdict = judged.stay, judged.verdict
            member = member_commitment(stay.key, visit.member_ref)
            visit, events = visit.check_in(verdict, judged.hash, member, verdict.at, stay.host.zone)
            await tx.visits.save(visit)
            tx.emit(*events)
            return tx.answer(_decision(judged, visit))

    async def check_out(self, caller: Caller, key: UUID) -> VisitView:
        """The member leaves; held, so that no check-in elsewhere is recorded as having come before."""
        self.allow(caller, "clubs.visit.check_out")
        async with self.begin(caller) as tx:
            visit = as_host(caller, await tx.visits.held(key))
            return await _ended(tx, *visit.check_out(self.now()))

    async def decline(self, caller: Caller, key: UUID, command: EndVisit) -> VisitView:
        """The host does not want the visit."""
        self.allow(caller, "clubs.visit.confirm")
        async with self.begin(caller) as tx:
            visit = as_host(caller, await tx.visits.get(key))
            return await _ended(tx, *visit.decline(command.reason))

    async def cancel(self, caller: Caller, key: UUID, command: EndVisit) -> VisitView:
        """The member will not come, or the host cannot receive; the days are free again, if it is not too late."""
        self.allow(caller, "clubs.visit.cancel")
        async with self.begin(caller) as tx:
            visit = as_expected(caller, await tx.visits.get(key))
            zone = (await tx.clubs.entry(visit.host_club)).zone
            return await _ended(tx, *visit.cancel(command.reason, self.now(), zone))

    async def deny(self, caller: Caller, key: UUID, command: EndVisit) -> VisitView:
        """The desk turns a confirmed visitor away."""
        self.allow(caller, "clubs.visit.check_in")
        async with self.begin(caller) as tx:
            visit = as_host(caller, await tx.visits.get(key))
            zone = (await tx.clubs.entry(visit.host_club)).zone
            return await _ended(tx, *visit.deny(command.reason, self.now(), zone))

    async def no_show(self, caller: Caller, key: UUID) -> VisitView:
        """The days are over and nobody came."""
        self.allow(caller, "clubs.visit.confirm")
        async with self.begin(caller) as tx:
            visit = as_host(caller, await tx.visits.get(key))
            zone = (await tx.clubs.entry(visit.host_club)).zone
            return await _ended(tx, *visit.no_show(self.now(), zone))

    async def get(self, caller: Caller, key: UUID) -> VisitView:
        self.allow(caller, "clubs.visit.read")
        return await self.read.one(caller, VisitView, key)

    async def list(self, caller: Caller, request: PageRequest, state: VisitState | None = None) -> Page[VisitView]:
        self.allow(caller, "clubs.visit.read")
        return await self.read.page(caller, VisitView, request, {} if state is None else {"state": state})

    async def conclude(self, club: UUID) -> int:
        """Let time end visits to this club, some hundreds at most; returns how many. A job's: no permission guards it.

        Raises what failed, once every other one had its turn.
        """
        caller, at = worker("conclusion", club), self.now()
        host = await self.read.one(caller, ClubView, club)
        ahead = local_date(at, host.zone) - timedelta(days=1)
        inside = last_closed(at, host.closing_time, host.zone)
        async with self.look(caller) as tx:
            due = await tx.visits.due(ahead=ahead, inside=inside, most=MOST_AT_A_TURN)
        concluded, failed = await in_turn(due, partial(self._conclude, caller, host))
        report(failed)
        return sum(concluded.values())

    async def _conclude(self, caller: Caller, host: ClubView, key: UUID) -> bool:
        """Whether time ended this visit; it does not where somebody was quicker."""
        async with self.begin(caller) as tx:
            visit = await tx.visits.held(key)
            try:
                ended, events = visit.conclude(self.now(), host.zone, host.closing_time)
            except NotDue:
                return False
            await _ended(tx, ended, events)
            return True

    async def _announced(self, tx: ClubsTx, member: Member, command: RequestVisit) -> Stay:
        """The stay that the home club asks for, with a key of its own that both clubs may read."""
        home, host = await tx.clubs.entry(member.club_id), await tx.clubs.entry(command.host_club)
        key, visit_id = self.random_bytes(KEY_SIZE), self.new_id()
        agreement = await tx.agreements.newest_between(home.club, host.club, VISITS_SCOPE)
        await tx.subjects.add(visit_id, key, person=member.id, shared_with=host.club)
        return Stay(
            agreement=agreement,
            grant=granted(member.person(), visit_id, home, host),
            host=host,
            key=key,
            first_day=command.first_day,
            last_day=command.last_day,
        )

    async def _judged(
        self, caller: Caller, tx: ClubsTx, key: UUID, move: VisitMove, residence_proven: bool
    ) -> tuple[Visit, Judged]:
        """The visit, and the policy's word on it now: nothing is trusted from the booking."""
        visit = _ready(as_host(caller, await tx.visits.held(key)), move)
        stay = Stay(
            agreement=await tx.agreements.relied_on(visit.agreement_id),
            grant=await tx.grants.get(visit.id),
            host=await tx.clubs.entry(visit.host_club),
            key=await tx.subjects.key(visit.id),
            first_day=visit.first_day,
            last_day=visit.last_day,
        )
        at = self.now()
        day = local_date(at, stay.host.zone) if move is VisitMove.CHECK_IN else visit.first_day
        judged = await judge(tx, stay, at=at, id=self.new_id(), residence_proven=residence_proven, judged_on=day)
        return visit, judged


def as_host(caller: Caller, visit: Visit) -> Visit:
    """The visit at the version that the caller expects, if the caller's club is its host; raises NotTheHost."""
    if caller.club != visit.host_club:
        raise NotTheHost
    return as_expected(caller, visit)


def _ready(visit: Visit, move: VisitMove) -> Visit:
    """The visit, if there is a point in judging it: the grant to judge by is gone once the visit has ended."""
    if visit.state is VisitState.CHECKED_IN and move is VisitMove.CHECK_IN:
        raise AlreadyCheckedIn
    step(LIFE_CYCLE, visit.state, move, WrongState)
    return visit


def _request(judged: Judged) -> tuple[Visit | None, tuple[VisitRequested | VisitRefused]]:
    stay, verdict = judged.stay, judged.verdict
    return Visit.request(
        id=verdict.visit_id,
        agreement=stay.agreement,
        host_club=stay.grant.host_club,
        home_club=stay.grant.home_club,
        member_ref=stay.grant.member_ref,
        first_day=stay.first_day,
        last_day=stay.last_day,
        verdict=verdict,
        verdict_hash=judged.hash,
        at=verdict.at,
        zone=stay.host.zone,
    )


def _decision(judged: Judged, visit: Visit | None) -> Decision:
    verdict = judged.verdict
    return Decision(
        eligible=verdict.eligible,
        failed=verdict.failed,
        verdict_hash=judged.hash,
        visit=None if visit is None else show(VisitView, visit),
        receipt=verdict.id,
    )


async def _ended(tx: ClubsTx, visit: Visit, events: tuple[Event, ...]) -> VisitView:
    """A visit that ended needs its grant no more: all that the host was told of the member goes, but the key."""
    await tx.visits.save(visit)
    await tx.grants.drop(visit.id)
    tx.emit(*events)
    return tx.answer(show(VisitView, visit))
