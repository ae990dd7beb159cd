"""The terms that two clubs agree on: whom they receive, how often, from how far. Every figure of it stands here."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from core.clubs import names
from core.clubs.standing import Standing
from shared.canonical import dumps, plain, tagged_hash
from shared.errors import Invalid

TERMS_TAG = "concordat/terms/v1"
MOST_QUOTAS = 16
MOST_CATEGORIES = 32
LARGEST_LIMIT = 10_000
LONGEST_WINDOW_DAYS = 1_830
LARGEST_DISTANCE_METRES = 20_100_000
"""A little more than half the circumference of the Earth: no two points are further apart."""
LONGEST_NOTICE_DAYS = 3_660
LONGEST_GRACE_DAYS = 366

_STANDINGS = ((Standing.GOOD,), (Standing.GOOD, Standing.GRACE))


class BadTerms(Invalid):
    """Terms that contradict themselves or leave every sensible range. Parameters: field, reason."""

    code = "agreement/bad-terms"
    title = "These terms cannot be agreed on."


class AgreementStatus(StrEnum):
    """What a visitor finds of an agreement on a day."""

    ACTIVE = "active"
    NOT_ACTIVE = "not_active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    TERMINATED = "terminated"


class Window(StrEnum):
    """The stretch of host-local days over which a quota counts (rule vis6)."""

    CALENDAR_MONTH = "calendar_month"
    CALENDAR_QUARTER = "calendar_quarter"
    CALENDAR_YEAR = "calendar_year"
    ROLLING_DAYS = "rolling_days"


class UnknownResidence(StrEnum):
    """What an unknown residence means where a distance from it is asked for (rule vis8)."""

    REFUSE = "refuse"
    ASK_PROOF = "ask_proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """At most `limit` visited days in each window; `days` is the length of a rolling window, None for the others."""

    window: Window
    limit: int
    days: int | None = None

    def __post_init__(self) -> None:
        _within("quotas.limit", self.limit, 1, LARGEST_LIMIT)
        if self.window is Window.ROLLING_DAYS:
            _within("quotas.days", self.days or 0, 1, LONGEST_WINDOW_DAYS)
        elif self.days is not None:
            raise BadTerms(field="quotas.days", reason="a calendar window has no number of days")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Terms, the same in both directions, in effect from `effective_from` to before `effective_until`.

    Categories, standings and quotas are kept in one order, so that the same terms always have the same hash.
    A distance of 0 metres asks for none. `matched` is for terms whose benefit is the lesser of both directions (agr6).
    """

    effective_from: date
    effective_until: date | None = None
    categories: tuple[str, ...]
    accepted_standings: tuple[Standing, ...] = (Standing.GOOD,)
    quotas: tuple[Quota, ...] = ()
    least_distance_metres_from_club: int = 0
    least_distance_metres_from_residence: int = 0
    unknown_residence: UnknownResidence = UnknownResidence.REFUSE
    notice_days: int = 30
    grace_days: int = 0
    no_show_consumes: bool = False
    matched: bool = False

    def __post_init__(self) -> None:
        if self.effective_until is not None and self.effective_until <= self.effective_from:
            raise BadTerms(field="effective_until", reason="not after effective_from")
        _within("least_distance_metres_from_club", self.least_distance_metres_from_club, 0, LARGEST_DISTANCE_METRES)
        residence = self.least_distance_metres_from_residence
        _within("least_distance_metres_from_residence", residence, 0, LARGEST_DISTANCE_METRES)
        _within("notice_days", self.notice_days, 0, LONGEST_NOTICE_DAYS)
        _within("grace_days", self.grace_days, 0, LONGEST_GRACE_DAYS)
        object.__setattr__(self, "categories", _categories(self.categories))
        object.__setattr__(self, "accepted_standings", _standings(self.accepted_standings))
        object.__setattr__(self, "quotas", _quotas(self.quotas))

    def status_on(self, day: date) -> AgreementStatus:
        """Whether the effective window [from, until) holds on `day` (rule agr4): NOT_ACTIVE before, EXPIRED after."""
        if day < self.effective_from:
            return AgreementStatus.NOT_ACTIVE
        if self.effective_until is not None and day >= self.effective_until:
            return AgreementStatus.EXPIRED
        return AgreementStatus.ACTIVE


def terms_hash(terms: Terms) -> bytes:
    """What both clubs accept: the hash of the terms' canonical bytes (rule agr2)."""
    return tagged_hash(TERMS_TAG, dumps(plain(terms)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsVersion:
    """Terms as one club put them on the table: immutable but for who accepted them (rule agr3)."""

    number: int
    terms: Terms
    hash: bytes
    proposed_by: UUID
    accepted_by: tuple[UUID, ...]

    @classmethod
    def of(cls, number: int, by: UUID, terms: Terms) -> "TermsVersion":
        """The version that `by` puts on the table, and thereby accepts."""
        return cls(number=number, terms=terms, hash=terms_hash(terms), proposed_by=by, accepted_by=(by,))


def _within(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadTerms(field=field, reason=f"not {least} to {most}")


def _categories(categories: tuple[str, ...]) -> tuple[str, ...]:
    cleaned = sorted({names.label(category, "categories") for category in categories})
    if not cleaned or len(cleaned) != len(categories) or len(cleaned) > MOST_CATEGORIES:
        raise BadTerms(field="categories", reason=f"empty, one of them twice, or more than {MOST_CATEGORIES}")
    return tuple(cleaned)


def _standings(standings: tuple[Standing, ...]) -> tuple[Standing, ...]:
    ordered = tuple(sorted(standings))
    if ordered not in _STANDINGS:
        raise BadTerms(field="accepted_standings", reason="neither good nor good and grace")
    return ordered


def _quotas(quotas: tuple[Quota, ...]) -> tuple[Quota, ...]:
    ordered = tuple(sorted(quotas, key=lambda quota: (quota.window, quota.days or 0)))
    if len({(quota.window, quota.days) for quota in ordered}) != len(ordered) or len(ordered) > MOST_QUOTAS:
        raise BadTerms(field="quotas", reason=f"the same window twice, or more than {MOST_QUOTAS}")
    return ordered
