"""Values to test with: two clubs that agree, a member in good standing, facts that pass every rule, and a visit."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from core.clubs.agreement import Agreement
from core.clubs.eligibility import Facts, Verdict, evaluate
from core.clubs.geography import Position
from core.clubs.member import Member
from core.clubs.standing import Fact, FactKind
from core.clubs.terms import AgreementStatus, Quota, Terms, TermsVersion, Window
from core.clubs.visit import Visit
from shared.ids import id_from

HARBOUR, SUMMIT, MEADOW = (id_from(name.ljust(16).encode()) for name in ("harbour", "summit", "meadow"))
MEMBER, REF, VISIT, AGREEMENT = (id_from(name.ljust(16).encode()) for name in ("member", "ref", "visit", "agreement"))
ZONE = "Europe/Zurich"
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
DAY = date(2026, 3, 12)
RECORDED = datetime(2025, 12, 1, tzinfo=UTC)
SEALED = bytes(range(32))
"""Stands for the hash of a sealed verdict; sealing is another module's."""


def new_ids(start: int = 1) -> Iterator[UUID]:
    number = start
    while True:
        yield id_from(number.to_bytes(16, "big"))
        number += 1


_IDS = new_ids()


def new_id() -> UUID:
    return next(_IDS)


def at_noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def terms(**changes: Any) -> Terms:
    """Story step 3: full members, 4 days a month and 48 a year, 90 km from club and residence, 30 days' notice."""
    usual: dict[str, Any] = {
        "effective_from": date(2026, 1, 1),
        "effective_until": date(2027, 1, 1),
        "categories": ("full",),
        "quotas": (Quota(window=Window.CALENDAR_MONTH, limit=4), Quota(window=Window.CALENDAR_YEAR, limit=48)),
        "least_distance_metres_from_club": 90_000,
        "least_distance_metres_from_residence": 90_000,
        "notice_days": 30,
    }
    return Terms(**{**usual, **changes})


def version_of(agreed: Terms, number: int = 1) -> TermsVersion:
    return TermsVersion.of(number, HARBOUR, agreed)


def agreement(agreed: Terms | None = None) -> Agreement:
    """An active agreement, proposed by Harbour and accepted by Summit."""
    draft, _ = Agreement.draft(id=AGREEMENT, proposer=HARBOUR, partner=SUMMIT, terms=agreed or terms())
    proposed, _ = draft.propose(HARBOUR)
    accepted, _ = proposed.accept(SUMMIT, proposed.newest.hash)
    return accepted.activate(SUMMIT, NOW)[0]


def fact(kind: FactKind, first: date, last: date | None = None, recorded_at: datetime = RECORDED) -> Fact:
    return Fact(kind=kind, first=first, last=last, recorded_at=recorded_at)


def good_standing() -> tuple[Fact, ...]:
    """A member for the whole of 2026 whose dues are paid until its end."""
    return (
        fact(FactKind.TERM, date(2026, 1, 1), date(2026, 12, 31)),
        fact(FactKind.PAID_THROUGH, date(2026, 12, 31)),
    )


def enrolled(*known: Fact) -> Member:
    """A full member of Harbour who lives in Zurich, with these facts."""
    residence = Position(latitude_microdegrees=47_376_900, longitude_microdegrees=8_541_700)
    return Member.enrol(
        id=MEMBER,
        club_id=HARBOUR,
        ref=REF,
        number="H-1",
        name="Ada Example",
        category="full",
        residence=residence,
        facts=known,
    )[0]


def facts(**changes: Any) -> Facts:
    """Facts of a visit on `DAY` by a member of Harbour to Summit, 212 km away, that pass every rule."""
    first_day = changes.get("first_day", DAY)
    usual: dict[str, Any] = {
        "home_club": HARBOUR,
        "host_club": SUMMIT,
        "agreement_status": AgreementStatus.ACTIVE,
        "category": "full",
        "standing_facts": good_standing(),
        "distance_from_club_metres": 212_000,
        "distance_from_residence_metres": 205_000,
        "judged_on": first_day,
        "first_day": first_day,
        "last_day": first_day,
        "consumed": (),
    }
    return Facts(**{**usual, **changes})


def verdict(found: Facts, at: datetime = NOW, visit_id: UUID = VISIT, agreed: Terms | None = None) -> Verdict:
    return evaluate(version_of(agreed or terms()), found, at, id=new_id(), visit_id=visit_id)


def visit(last_day: date = DAY) -> Visit:
    """A visit from `DAY` that was requested."""
    requested, _ = Visit.request(
        id=VISIT,
        agreement=agreement(),
        host_club=SUMMIT,
        home_club=HARBOUR,
        member_ref=REF,
        first_day=DAY,
        last_day=last_day,
        verdict=verdict(facts(last_day=last_day)),
        verdict_hash=SEALED,
        at=NOW,
        zone=ZONE,
    )
    assert requested is not None
    return requested


def judged(booked: Visit, at: datetime, judged_on: date | None = None, **changes: Any) -> Verdict:
    """A verdict on this very visit, as a use case would ask for it."""
    days = {"first_day": booked.first_day, "last_day": booked.last_day, "judged_on": judged_on or booked.first_day}
    return verdict(facts(**{**days, **changes}), at, booked.id)


def confirmed(last_day: date = DAY) -> Visit:
    booked = visit(last_day)
    return booked.confirm(judged(booked, NOW), SEALED, NOW, ZONE)[0]


def checked_in(last_day: date = DAY) -> Visit:
    booked, at = confirmed(last_day), at_noon(DAY)
    return booked.check_in(judged(booked, at), SEALED, SEALED, at, ZONE)[0]


def later(instant: datetime, **delta: float) -> datetime:
    return instant + timedelta(**delta)


def in_state(aggregate: Any, state: Any) -> Any:
    """The aggregate as if it stood in another state: for tests of the tables alone."""
    return replace(aggregate, state=state)
