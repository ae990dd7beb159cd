"""The agreement between two clubs: versions of terms, who accepted which, and what follows (rules agr1 to agr5)."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import ClassVar
from uuid import UUID

from core.clubs import names
from core.clubs.agreement_refusals import (
    AlreadyAccepted,
    NotAParty,
    NotCoSigned,
    NotDue,
    NoticeGiven,
    NotInForce,
    NotTheSuspender,
    NotYourTurn,
    SameClub,
    TermsDiffer,
    TooManyVersions,
    WrongState,
)
from core.clubs.agreement_states import LIFE_CYCLE, STATUS_BY_STATE, AgreementMove, AgreementState
from core.clubs.days import check_stay, last_date_before, local_date
from core.clubs.lifecycle import step
from core.clubs.terms import AgreementStatus, Terms, TermsVersion
from shared.events import Aggregate, Event

MOST_VERSIONS = 64

__all__ = [
    "LIFE_CYCLE",
    "STATUS_BY_STATE",
    "VISITS_SCOPE",
    "Agreement",
    "AgreementAccepted",
    "AgreementActivated",
    "AgreementAmendmentProposed",
    "AgreementCountered",
    "AgreementDrafted",
    "AgreementEvent",
    "AgreementExpired",
    "AgreementMove",
    "AgreementNoticeGiven",
    "AgreementProposed",
    "AgreementState",
    "AgreementStatus",
    "AgreementSuspended",
    "AgreementSuspensionLifted",
    "AgreementTerminated",
    "AlreadyAccepted",
    "NotAParty",
    "NotCoSigned",
    "NotDue",
    "NotInForce",
    "NotTheSuspender",
    "NotYourTurn",
    "NoticeGiven",
    "SameClub",
    "Terms",
    "TermsDiffer",
    "TermsVersion",
    "WrongState",
]

VISITS_SCOPE = "visits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(Aggregate):
    """Two clubs and what they agreed on. `in_force` numbers the newest version that both accepted and activated.

    Putting terms on the table is accepting them; the other club's acceptance of the same hash then completes the pair.
    """

    kind: ClassVar[str] = "agreement"

    proposer: UUID
    partner: UUID
    scope: str
    state: AgreementState
    versions: tuple[TermsVersion, ...]
    in_force: int | None = None
    activated_at: datetime | None = None
    suspended_by: UUID | None = None
    suspension_reason: str | None = None
    notice_by: UUID | None = None
    terminates_at: datetime | None = None

    @classmethod
    def draft(
        cls, *, id: UUID, proposer: UUID, partner: UUID, terms: Terms, scope: str = VISITS_SCOPE
    ) -> "tuple[Agreement, tuple[AgreementDrafted]]":
        """Terms that only their author knows of; raises SameClub."""
        if proposer == partner:
            raise SameClub
        first = TermsVersion.of(1, proposer, terms)
        scope = names.label(scope, "scope")
        state = AgreementState.DRAFT
        agreement = cls(
            id=id, version=1, proposer=proposer, partner=partner, scope=scope, state=state, versions=(first,)
        )
        return agreement, (AgreementDrafted(agreement=agreement),)

    @property
    def parties(self) -> tuple[UUID, UUID]:
        """Proposer and partner."""
        return self.proposer, self.partner

    @property
    def newest(self) -> TermsVersion:
        """The version on the table."""
        return self.versions[-1]

    def other(self, club: UUID) -> UUID:
        """The other party; raises NotAParty."""
        self._party(club)
        return self.partner if club == self.proposer else self.proposer

    def propose(self, by: UUID) -> "tuple[Agreement, tuple[AgreementProposed]]":
        """Show the draft to the partner; only its author can, for anybody else there is none."""
        if by != self.proposer:
            raise NotAParty
        agreement = replace(self, version=self.version + 1, state=self._step(AgreementMove.PROPOSE))
        return agreement, (AgreementProposed(agreement=agreement),)

    def counter(self, by: UUID, terms: Terms) -> "tuple[Agreement, tuple[AgreementCountered]]":
        """Answer the other club's terms with new ones; raises NotYourTurn for the author of those on the table."""
        self._party(by)
        state = self._step(AgreementMove.COUNTER)
        if by == self.newest.proposed_by:
            raise NotYourTurn(number=self.newest.number)
        agreement = replace(self, version=self.version + 1, state=state, versions=self._versions_with(by, terms))
        return agreement, (AgreementCountered(agreement=agreement, by=by),)

    def amend(self, by: UUID, terms: Terms) -> "tuple[Agreement, tuple[AgreementAmendmentProposed]]":
        """Put a new version on the table of an active agreement (rule agr3); the old one rules until both accepted."""
        self._party(by)
        state = self._step(AgreementMove.AMEND)
        agreement = replace(self, version=self.version + 1, state=state, versions=self._versions_with(by, terms))
        return agreement, (AgreementAmendmentProposed(agreement=agreement, by=by),)

    def accept(self, by: UUID, terms_hash: bytes) -> "tuple[Agreement, tuple[AgreementAccepted]]":
        """Accept the version on the table by its hash; raises TermsDiffer for others, AlreadyAccepted for one's own."""
        self._party(by)
        state = self._step(AgreementMove.ACCEPT)
        if terms_hash != self.newest.hash:
            raise TermsDiffer(number=self.newest.number)
        if by in self.newest.accepted_by:
            raise AlreadyAccepted(number=self.newest.number)
        signed = replace(self.newest, accepted_by=(*self.newest.accepted_by, by))
        agreement = replace(
            self,
            version=self.version + 1,
            state=state,
            versions=(*self.versions[:-1], signed),
            in_force=signed.number if state is AgreementState.ACTIVE else None,
        )
        return agreement, (AgreementAccepted(agreement=agreement, by=by),)

    def activate(self, by: UUID, at: datetime) -> "tuple[Agreement, tuple[AgreementActivated]]":
        """Let the accepted terms rule; raises NotCoSigned before both clubs accepted the identical hash (rule agr2)."""
        self._party(by)
        if self.state in (AgreementState.DRAFT, AgreementState.PROPOSED, AgreementState.COUNTERED):
            raise NotCoSigned(state=self.state.value)
        state = self._step(AgreementMove.ACTIVATE)
        agreement = replace(self, version=self.version + 1, state=state, in_force=self.newest.number, activated_at=at)
        return agreement, (AgreementActivated(agreement=agreement, by=by),)

    def suspend(self, by: UUID, reason: str) -> "tuple[Agreement, tuple[AgreementSuspended]]":
        """Stop visits at once, alone, with a reason (rule agr5)."""
        self._party(by)
        state = self._step(AgreementMove.SUSPEND)
        reason = names.reason(reason)
        agreement = replace(self, version=self.version + 1, state=state, suspended_by=by, suspension_reason=reason)
        return agreement, (AgreementSuspended(agreement=agreement),)

    def lift(self, by: UUID) -> "tuple[Agreement, tuple[AgreementSuspensionLifted]]":
        """End the suspension; raises NotTheSuspender for the other club (rule agr5)."""
        self._party(by)
        state = self._step(AgreementMove.LIFT)
        if by != self.suspended_by:
            raise NotTheSuspender
        agreement = replace(self, version=self.version + 1, state=state, suspended_by=None, suspension_reason=None)
        return agreement, (AgreementSuspensionLifted(agreement=agreement, by=by),)

    def give_notice(self, by: UUID, at: datetime) -> "tuple[Agreement, tuple[AgreementNoticeGiven]]":
        """End the agreement `notice_days` times 24 hours after `at`, by the terms accepted last (rule agr4)."""
        self._party(by)
        state = self._step(AgreementMove.GIVE_NOTICE)
        if self.terminates_at is not None:
            raise NoticeGiven(terminates_at=self.terminates_at)
        days = self._ruling()[-1].terms.notice_days
        agreement = replace(
            self, version=self.version + 1, state=state, notice_by=by, terminates_at=at + timedelta(days=days)
        )
        return agreement, (AgreementNoticeGiven(agreement=agreement),)

    def conclude(
        self, at: datetime, zones: tuple[str, str]
    ) -> "tuple[Agreement, tuple[AgreementExpired | AgreementTerminated]]":
        """EXPIRED or TERMINATED, whichever came first; raises NotDue while neither has come (rule agr4).

        `zones` are the clubs' own: the terms' last day has to be over in both.
        """
        outcome = self._outcome_by(at, zones)
        state = self._step(outcome or AgreementMove.EXPIRE)
        if outcome is None:
            raise NotDue
        agreement = replace(self, version=self.version + 1, state=state)
        if outcome is AgreementMove.EXPIRE:
            return agreement, (AgreementExpired(agreement=agreement),)
        return agreement, (AgreementTerminated(agreement=agreement),)

    def version_on(self, day: date) -> TermsVersion:
        """The terms that rule on `day`: of those both accepted, the newest in effect by then; raises NotInForce."""
        ruling = self._ruling()
        begun = [version for version in ruling if version.terms.effective_from <= day]
        return begun[-1] if begun else ruling[0]

    def status(self, at: datetime, first_day: date, last_day: date, zone: str) -> AgreementStatus:
        """What a visit from `first_day` to `last_day` (days of the host's `zone`) finds when it is judged at `at`.

        Every day needs terms in effect, and has to begin before a notice runs out.
        """
        check_stay(first_day, last_day)
        status = STATUS_BY_STATE.get(self.state, AgreementStatus.NOT_ACTIVE)
        if status not in (AgreementStatus.ACTIVE, AgreementStatus.SUSPENDED):
            return status
        if self.terminates_at is not None and (
            at >= self.terminates_at or last_day > last_date_before(self.terminates_at, zone)
        ):
            return AgreementStatus.TERMINATED
        for ordinal in range(first_day.toordinal(), last_day.toordinal() + 1):
            day = date.fromordinal(ordinal)
            covered = self.version_on(day).terms.status_on(day)
            if covered is not AgreementStatus.ACTIVE:
                return covered
        return status

    def _party(self, club: UUID) -> None:
        if club not in self.parties or (self.state is AgreementState.DRAFT and club != self.proposer):
            raise NotAParty

    def _step(self, move: AgreementMove) -> AgreementState:
        return step(LIFE_CYCLE, self.state, move, WrongState)

    def _versions_with(self, by: UUID, terms: Terms) -> tuple[TermsVersion, ...]:
        """Every record holds all versions: they are bounded, so that suspending and ending always fit beside them."""
        if self.newest.number >= MOST_VERSIONS:
            raise TooManyVersions(most=MOST_VERSIONS)
        return *self.versions, TermsVersion.of(self.newest.number + 1, by, terms)

    def _ruling(self) -> list[TermsVersion]:
        if self.in_force is None:
            raise NotInForce
        return [version for version in self.versions if set(version.accepted_by) == set(self.parties)]

    def _outcome_by(self, at: datetime, zones: tuple[str, str]) -> AgreementMove | None:
        noticed = self.terminates_at is not None and at >= self.terminates_at
        # Where both have come, the earlier one names the outcome: was the window over when the notice ran out?
        decisive = self.terminates_at if noticed and self.terminates_at is not None else at
        until = None if self.in_force is None else self._ruling()[-1].terms.effective_until
        if until is not None and all(local_date(decisive, zone) >= until for zone in zones):
            return AgreementMove.EXPIRE
        return AgreementMove.TERMINATE if noticed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementEvent(Event):
    """What all events of an agreement share: its state afterwards, and both clubs as parties, the proposer first."""

    agreement: Agreement

    @property
    def parties(self) -> tuple[UUID, ...]:
        """Both clubs."""
        return self.agreement.parties


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementDrafted(AgreementEvent):
    """Terms were written down; the partner knows nothing of them yet."""

    type: ClassVar[str] = "clubs.agreement_drafted"

    @property
    def parties(self) -> tuple[UUID, ...]:
        """The author alone."""
        return (self.agreement.proposer,)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementProposed(AgreementEvent):
    """The draft was shown to the partner, signed by its author."""

    type: ClassVar[str] = "clubs.agreement_proposed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementCountered(AgreementEvent):
    """The other club answered with terms of its own."""

    type: ClassVar[str] = "clubs.agreement_countered"
    by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementAmendmentProposed(AgreementEvent):
    """A new version waits for the other club; the old one still rules."""

    type: ClassVar[str] = "clubs.agreement_amendment_proposed"
    by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementAccepted(AgreementEvent):
    """Both clubs have accepted the identical terms; those of an active agreement rule from now on."""

    type: ClassVar[str] = "clubs.agreement_accepted"
    by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementActivated(AgreementEvent):
    """Members may visit."""

    type: ClassVar[str] = "clubs.agreement_activated"
    by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementSuspended(AgreementEvent):
    """One club alone stopped visits; the agreement names it and its reason."""

    type: ClassVar[str] = "clubs.agreement_suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementSuspensionLifted(AgreementEvent):
    """The club that suspended lets members visit again."""

    type: ClassVar[str] = "clubs.agreement_suspension_lifted"
    by: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementNoticeGiven(AgreementEvent):
    """One club ends the agreement at a fixed instant."""

    type: ClassVar[str] = "clubs.agreement_notice_given"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementExpired(AgreementEvent):
    """The effective window of the terms is over."""

    type: ClassVar[str] = "clubs.agreement_expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementTerminated(AgreementEvent):
    """A notice has run out."""

    type: ClassVar[str] = "clubs.agreement_terminated"
