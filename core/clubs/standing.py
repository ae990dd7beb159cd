"""Standing as a function of dated facts (rules mem1 to mem4). A fact never changes: a later one corrects it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.clubs.days import date_or_none
from shared.errors import Invalid


class Standing(StrEnum):
    """What a club says of a member on a day."""

    APPLICANT = "applicant"
    GOOD = "good"
    GRACE = "grace"
    LAPSED = "lapsed"
    SUSPENDED = "suspended"
    EXPELLED = "expelled"
    RESIGNED = "resigned"
    DECEASED = "deceased"


class FactKind(StrEnum):
    """What a fact says; see Fact for the meaning of its days."""

    TERM = "term"
    PAID_THROUGH = "paid_through"
    SUSPENDED = "suspended"
    SUSPENSION_LIFTED = "suspension_lifted"
    EXPELLED = "expelled"
    RESIGNED = "resigned"
    DECEASED = "deceased"


INTERVALS = frozenset({FactKind.TERM, FactKind.SUSPENDED})


class BadFact(Invalid):
    """A fact whose days contradict its kind. Parameters: field, reason."""

    code = "member/bad-fact"
    title = "The days of this fact do not fit its kind."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A dated fact and the instant at which the club learnt it (bitemporal, rule mem4).

    TERM and SUSPENDED hold from `first` to `last`, both included, without end where `last` is None. PAID_THROUGH: dues
    are paid up to and including `first`. The others happen on `first`, which is the first day of the new standing.
    """

    kind: FactKind
    first: date
    last: date | None = None
    recorded_at: datetime

    def __post_init__(self) -> None:
        if self.last is not None and self.kind not in INTERVALS:
            raise BadFact(field="last", reason="only a term or a suspension has a last day")
        if self.last is not None and self.last < self.first:
            raise BadFact(field="last", reason="before the first day")
        if self.recorded_at.tzinfo is None:
            raise BadFact(field="recorded_at", reason="an instant needs a time zone")


def standing(facts: Sequence[Fact], on: date, grace_days: int, known_at: datetime | None = None) -> Standing:
    """The standing on the day `on`, by the facts known at `known_at` (by all of them where None)."""
    return standing_since(facts, on, grace_days, known_at)[0]


def standing_since(
    facts: Sequence[Fact], on: date, grace_days: int, known_at: datetime | None = None
) -> tuple[Standing, date | None]:
    """The standing on the day `on`, and the day since which it is so (None for an applicant).

    `facts` stand in the order in which they were recorded.
    """
    known = [fact for fact in facts if known_at is None or fact.recorded_at <= known_at]
    ended = _ended(known, on)
    if ended is not None:
        return ended
    membership, since = _by_term_and_dues(known, on, grace_days)
    suspended_since = suspended(known, on)
    # Lapsing while suspended must not look milder than the suspension, so it overrides "lapsed" too (rule mem3).
    if suspended_since is not None and membership is not Standing.APPLICANT:
        return Standing.SUSPENDED, suspended_since
    return membership, since


def suspended(facts: Sequence[Fact], on: date) -> date | None:
    """The first day of the suspension that holds on the day `on`, None without one."""
    for index, fact in enumerate(facts):
        if fact.kind is FactKind.SUSPENDED and fact.first <= on and (fact.last is None or on <= fact.last):
            lifts = (later for later in facts[index + 1 :] if later.kind is FactKind.SUSPENSION_LIFTED)
            if not any(fact.first <= lift.first <= on for lift in lifts):
                return fact.first
    return None


def terms_held(facts: Sequence[Fact]) -> list[tuple[date, date | None]]:
    """First and last day of each membership term, cut off by a resignation that was recorded after it."""
    held = []
    for index, fact in enumerate(facts):
        if fact.kind is FactKind.TERM:
            ends = [later.first for later in facts[index + 1 :] if later.kind is FactKind.RESIGNED]
            last = min(
                [end.toordinal() - 1 for end in ends] + ([] if fact.last is None else [fact.last.toordinal()]),
                default=None,
            )
            if last is None or last >= fact.first.toordinal():
                held.append((fact.first, None if last is None else date.fromordinal(last)))
    return held


def _ended(known: Sequence[Fact], on: date) -> tuple[Standing, date] | None:
    for kind, ended in ((FactKind.DECEASED, Standing.DECEASED), (FactKind.EXPELLED, Standing.EXPELLED)):
        days = [fact.first for fact in known if fact.kind is kind and fact.first <= on]
        if days:
            return ended, min(days)
    for index, fact in reversed(list(enumerate(known))):
        if fact.kind is FactKind.RESIGNED and fact.first <= on:
            rejoined = (later for later in known[index + 1 :] if later.kind is FactKind.TERM)
            return None if any(fact.first < term.first <= on for term in rejoined) else (Standing.RESIGNED, fact.first)
    return None


def _by_term_and_dues(known: Sequence[Fact], on: date, grace_days: int) -> tuple[Standing, date | None]:
    begun = [term for term in terms_held(known) if term[0] <= on]
    if not begun:
        return Standing.APPLICANT, None
    first, last = max(begun, key=lambda term: term[0])
    payments = [fact.first.toordinal() for fact in known if fact.kind is FactKind.PAID_THROUGH]
    # The payment recorded last speaks, not the furthest: that is how a returned cheque is corrected.
    covered = max(payments[-1] if payments else 0, first.toordinal() - 1)
    covered = covered if last is None else min(covered, last.toordinal())
    if on.toordinal() <= covered:
        return Standing.GOOD, first
    if on.toordinal() <= covered + grace_days:
        return Standing.GRACE, date_or_none(covered + 1)
    return Standing.LAPSED, date_or_none(covered + grace_days + 1)
