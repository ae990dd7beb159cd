"""A visit of a member of one club to another: the decisions that step through its life cycle, and their events."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from core.clubs import names
from core.clubs.agreement import Agreement
from core.clubs.commitments import visit_commitment
from core.clubs.days import check_stay, closing_after, local_date
from core.clubs.eligibility import Verdict
from core.clubs.lifecycle import step
from core.clubs.refused_visit import KIND, VisitRefused
from core.clubs.visit_refusals import (
    AlreadyCheckedIn,
    CheckOutNotAfterCheckIn,
    ForeignVerdict,
    NotDue,
    NotYet,
    WindowOpen,
    WindowOver,
    WrongClubs,
    WrongState,
)
from core.clubs.visit_states import LIFE_CYCLE, STATES_AHEAD, VisitMove, VisitState
from shared.events import Aggregate, Event, Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit(Aggregate):
    """A stay of one member, of whom the host sees a random reference. Days are the host's, both ends included.

    Terms and verdict are those of the last judgement, eligible or not. `reason` is free text about a person.
    """

    kind: ClassVar[str] = KIND

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
    confirmed_at: datetime | None = None
    checked_in_at: datetime | None = None
    checked_out_at: datetime | None = None
    auto_check_out: bool = False
    reason: Annotated[str | None, Personal("id")] = None
    commitment: bytes | None = None
    erased: bool = False

    @classmethod
    def request(
        cls,
        *,
        id: UUID,
        agreement: Agreement,
        host_club: UUID,
        home_club: UUID,
        member_ref: UUID,
        first_day: date,
        last_day: date,
        verdict: Verdict,
        verdict_hash: bytes,
        at: datetime,
        zone: str,
    ) -> "tuple[Visit, tuple[VisitRequested]] | tuple[None, tuple[VisitRefused]]":
        """Announce a visit; an ineligible one is refused by its event and there is no visit (rule vis0).

        `zone` is the host's. Raises WrongClubs (vis2), BadStay, WindowOver, ForeignVerdict.
        """
        _check_request(agreement, {host_club, home_club}, verdict)
        check_stay(first_day, last_day)
        if local_date(at, zone) > first_day:
            raise WindowOver(last_day=last_day)
        visit = cls(
            id=id,
            version=1,
            host_club=host_club,
            home_club=home_club,
            agreement_id=agreement.id,
            terms_number=verdict.terms_number,
            terms_hash=verdict.terms_hash,
            member_ref=member_ref,
            first_day=first_day,
            last_day=last_day,
            state=VisitState.REQUESTED,
            verdict_hash=verdict_hash,
            requested_at=at,
        )
        visit._own(verdict, at, first_day)
        if not verdict.eligible:
            return None, (visit._refused(verdict),)
        return visit, (VisitRequested(event_id=verdict.id, visit=visit, verdict=verdict),)

    def confirm(
        self, verdict: Verdict, verdict_hash: bytes, at: datetime, zone: str
    ) -> "tuple[Visit, tuple[VisitConfirmed | VisitConfirmationRefused]]":
        """Reserve the days (rule vis6); an ineligible verdict leaves the request open and is kept (rule vis0).

        Raises WindowOver once the days are over in the host's `zone`.
        """
        self._step(VisitMove.CONFIRM)
        self._check_not_over(at, zone)
        self._own(verdict, at, self.first_day)
        if not verdict.eligible:
            visit = self._judged(VisitMove.REFUSE_CONFIRMATION, verdict, verdict_hash)
            return visit, (VisitConfirmationRefused(event_id=verdict.id, visit=visit, verdict=verdict),)
        visit = replace(self._judged(VisitMove.CONFIRM, verdict, verdict_hash), confirmed_at=at)
        return visit, (VisitConfirmed(event_id=verdict.id, visit=visit, verdict=verdict),)

    def decline(self, reason: str) -> "tuple[Visit, tuple[VisitDeclined]]":
        """The host will not receive the member."""
        visit = self._moved(VisitMove.DECLINE, names.reason(reason))
        return visit, (VisitDeclined(visit=visit),)

    def cancel(self, reason: str, at: datetime, zone: str) -> "tuple[Visit, tuple[VisitCancelled]]":
        """The visit will not take place, its days are free again (rule vis6); raises WindowOver if nobody came."""
        visit = self._moved(VisitMove.CANCEL, names.reason(reason))
        if self.state is VisitState.CONFIRMED:
            self._check_not_over(at, zone)
        return visit, (VisitCancelled(visit=visit),)

    def deny(self, reason: str, at: datetime, zone: str) -> "tuple[Visit, tuple[VisitDenied]]":
        """The desk turned the member away; raises WindowOver once the days are over in the host's `zone`."""
        visit = self._moved(VisitMove.DENY, names.reason(reason))
        self._check_not_over(at, zone)
        return visit, (VisitDenied(visit=visit),)

    def no_show(self, at: datetime, zone: str) -> "tuple[Visit, tuple[VisitMarkedNoShow]]":
        """Nobody came; raises WindowOpen before the last day is over in the host's `zone` (rule vis3)."""
        visit = self._moved(VisitMove.MARK_NO_SHOW, self.reason)
        if local_date(at, zone) <= self.last_day:
            raise WindowOpen(last_day=self.last_day)
        return visit, (VisitMarkedNoShow(visit=visit),)

    def check_in(
        self, verdict: Verdict, verdict_hash: bytes, member_commitment: bytes, at: datetime, zone: str
    ) -> "tuple[Visit, tuple[VisitCheckedIn | VisitCheckInRefused]]":
        """Admit the member if the verdict of this very instant says so: a confirmed booking is no right (rule vis4).

        `zone` is the host's. Raises AlreadyCheckedIn (vis5), NotYet, WindowOver. A refusal leaves the visit confirmed.
        """
        if self.state is VisitState.CHECKED_IN:
            raise AlreadyCheckedIn
        self._step(VisitMove.CHECK_IN)
        today = local_date(at, zone)
        if today < self.first_day:
            raise NotYet(first_day=self.first_day)
        self._check_not_over(at, zone)
        self._own(verdict, at, today)
        if not verdict.eligible:
            visit = self._judged(VisitMove.REFUSE_CHECK_IN, verdict, verdict_hash)
            return visit, (VisitCheckInRefused(event_id=verdict.id, visit=visit, verdict=verdict),)
        judged = self._judged(VisitMove.CHECK_IN, verdict, verdict_hash)
        commitment = visit_commitment(
            visit_id=self.id,
            terms_hash=verdict.terms_hash,
            verdict_hash=verdict_hash,
            checked_in_at=at,
            host_club=self.host_club,
            home_club=self.home_club,
            member=member_commitment,
        )
        visit = replace(judged, checked_in_at=at, commitment=commitment)
        return visit, (VisitCheckedIn(event_id=verdict.id, visit=visit, verdict=verdict, visit_commitment=commitment),)

    def check_out(self, at: datetime, auto: bool = False) -> "tuple[Visit, tuple[VisitCheckedOut]]":
        """The member left, or with `auto` the house closed; raises CheckOutNotAfterCheckIn (rule vis11)."""
        moved = self._moved(VisitMove.CHECK_OUT, self.reason)
        if self.checked_in_at is not None and at <= self.checked_in_at:
            raise CheckOutNotAfterCheckIn(checked_in_at=self.checked_in_at)
        visit = replace(moved, checked_out_at=at, auto_check_out=auto)
        return visit, (VisitCheckedOut(visit=visit),)

    def conclude(
        self, at: datetime, zone: str, closing_time: str
    ) -> "tuple[Visit, tuple[VisitLapsed | VisitMarkedNoShow | VisitCheckedOut]]":
        """What time alone makes of it (vis3, vis11); raises NotDue. Zone and closing time are the host's."""
        if self.state is VisitState.CHECKED_IN and self.checked_in_at is not None:
            closed_at = closing_after(self.last_day, self.checked_in_at, closing_time, zone)
            if closed_at <= at:
                return self.check_out(closed_at, auto=True)
        elif self.state in STATES_AHEAD and local_date(at, zone) > self.last_day:
            if self.state is VisitState.CONFIRMED:
                return self.no_show(at, zone)
            visit = self._moved(VisitMove.LAPSE, self.reason)
            return visit, (VisitLapsed(visit=visit),)
        raise NotDue

    def erase(self) -> "tuple[Visit, tuple[VisitErased]]":
        """The visitor was erased: the reason goes, the host keeps days, times and reference; a booking is cancelled."""
        visit = replace(self._moved(VisitMove.ERASE, None), erased=True)
        return visit, (VisitErased(visit=visit),)

    def _check_not_over(self, at: datetime, zone: str) -> None:
        if local_date(at, zone) > self.last_day:
            raise WindowOver(last_day=self.last_day)

    def _step(self, move: VisitMove) -> VisitState:
        return step(LIFE_CYCLE, self.state, move, WrongState)

    def _moved(self, move: VisitMove, reason: str | None) -> "Visit":
        return replace(self, version=self.version + 1, state=self._step(move), reason=reason)

    def _judged(self, move: VisitMove, verdict: Verdict, verdict_hash: bytes) -> "Visit":
        return replace(
            self._moved(move, self.reason),
            terms_number=verdict.terms_number,
            terms_hash=verdict.terms_hash,
            verdict_hash=verdict_hash,
        )

    def _refused(self, verdict: Verdict) -> VisitRefused:
        """The refusal of what would have been this visit."""
        return VisitRefused(
            event_id=verdict.id,
            visit_id=self.id,
            host_club=self.host_club,
            home_club=self.home_club,
            agreement_id=self.agreement_id,
            member_ref=self.member_ref,
            first_day=self.first_day,
            last_day=self.last_day,
            verdict=verdict,
            verdict_hash=self.verdict_hash,
        )

    def _own(self, verdict: Verdict, at: datetime, judged_on: date) -> None:
        inputs = verdict.inputs
        expected = {
            "visit_id": (verdict.visit_id, self.id),
            "at": (verdict.at, at),
            "clubs": ((inputs.host_club, inputs.home_club), (self.host_club, self.home_club)),
            "days": ((inputs.first_day, inputs.last_day), (self.first_day, self.last_day)),
            "judged_on": (inputs.judged_on, judged_on),
        }
        for field, (found, own) in expected.items():
            if found != own:
                raise ForeignVerdict(field=field)


def _check_request(agreement: Agreement, clubs: set[UUID], verdict: Verdict) -> None:
    if clubs != set(agreement.parties):
        raise WrongClubs
    if not any((one.number, one.hash) == (verdict.terms_number, verdict.terms_hash) for one in agreement.versions):
        raise ForeignVerdict(field="terms_hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitEvent(Event):
    """What all events of a visit share: its state afterwards, and both clubs as parties, the host first."""

    visit: Visit

    @property
    def parties(self) -> tuple[UUID, ...]:
        """Host and home."""
        return self.visit.host_club, self.visit.home_club


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedVisitEvent(VisitEvent):
    """A decision by verdict. Its event id is the verdict's: the verdict's digests are made under it."""

    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRequested(JudgedVisitEvent):
    """A member announced a visit for which the verdict is eligible."""

    type: ClassVar[str] = "clubs.visit_requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitConfirmed(JudgedVisitEvent):
    """The host will receive the member; the days are reserved."""

    type: ClassVar[str] = "clubs.visit_confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitConfirmationRefused(JudgedVisitEvent):
    """The verdict at confirmation was not eligible; the request stays open."""

    type: ClassVar[str] = "clubs.visit_confirmation_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitCheckedIn(JudgedVisitEvent):
    """The member is in the house; both clubs' records hold the same commitment (rule vis12)."""

    type: ClassVar[str] = "clubs.visit_checked_in"
    visit_commitment: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitCheckInRefused(JudgedVisitEvent):
    """The verdict at the desk was not eligible; the visit stays confirmed."""

    type: ClassVar[str] = "clubs.visit_check_in_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitDeclined(VisitEvent):
    """The host will not receive the member."""

    type: ClassVar[str] = "clubs.visit_declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitCancelled(VisitEvent):
    """The visit will not take place."""

    type: ClassVar[str] = "clubs.visit_cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitLapsed(VisitEvent):
    """Nobody answered the request while the visit's days lasted."""

    type: ClassVar[str] = "clubs.visit_lapsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitDenied(VisitEvent):
    """The desk turned the member away."""

    type: ClassVar[str] = "clubs.visit_denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitMarkedNoShow(VisitEvent):
    """Nobody came while the visit's days lasted."""

    type: ClassVar[str] = "clubs.visit_marked_no_show"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitCheckedOut(VisitEvent):
    """The member left, or the house closed."""

    type: ClassVar[str] = "clubs.visit_checked_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitErased(VisitEvent):
    """The visitor was erased: openings under the visit's id are destroyed and not tampered with."""

    type: ClassVar[str] = "clubs.visit_erased"
