"""The steps of the product's story that the core alone can tell: Harbour, Summit, and a member who visits."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from core.clubs.agreement import Agreement, AgreementState, NotAParty, NotCoSigned, TermsDiffer
from core.clubs.eligibility import Facts, Verdict, evaluate, replay
from core.clubs.geography import Position, distance_metres
from core.clubs.refused_visit import VisitRefused
from core.clubs.standing import FactKind
from core.clubs.terms import Terms, terms_hash
from core.clubs.visit import Visit, VisitCheckInRefused, VisitConfirmationRefused
from core.clubs.visit_states import STATES_THAT_CONSUME, VisitState
from tests.unit.clubs.oracles import stay
from tests.unit.clubs.samples import (
    AGREEMENT,
    HARBOUR,
    MEADOW,
    NOW,
    REF,
    SEALED,
    SUMMIT,
    ZONE,
    at_noon,
    enrolled,
    fact,
    good_standing,
    new_id,
    terms,
)

AT_SUMMIT = Position(latitude_microdegrees=46_204_400, longitude_microdegrees=6_143_200)
AT_HARBOUR = Position(latitude_microdegrees=47_376_900, longitude_microdegrees=8_541_700)
NEAR_SUMMIT = Position(latitude_microdegrees=46_519_700, longitude_microdegrees=6_306_600)


class Clubs:
    """Harbour and Summit with their agreement and the visits of one member, as two databases would keep them."""

    def __init__(self, agreed: Terms, residence: Position = AT_HARBOUR, category: str = "full") -> None:
        draft, _ = Agreement.draft(id=AGREEMENT, proposer=HARBOUR, partner=SUMMIT, terms=agreed)
        proposed, _ = draft.propose(HARBOUR)
        accepted, _ = proposed.accept(SUMMIT, terms_hash(agreed))
        self.agreement, _ = accepted.activate(SUMMIT, NOW)
        member, _ = enrolled(*good_standing()).amend(name="Ada Example", category=category, residence=residence)
        self.member = member
        self.visits: dict[UUID, Visit] = {}

    def judge(self, visit_id: UUID, first: date, last: date, at: datetime, judged_on: date) -> Verdict:
        person = self.member.person()
        others = [one for one in self.visits.values() if one.id != visit_id and one.state in STATES_THAT_CONSUME]
        assert person.residence is not None
        found = Facts(
            home_club=HARBOUR,
            host_club=SUMMIT,
            agreement_status=self.agreement.status(at, judged_on, last, ZONE),
            category=person.category,
            standing_facts=person.facts,
            distance_from_club_metres=distance_metres(AT_SUMMIT, AT_HARBOUR),
            distance_from_residence_metres=distance_metres(AT_SUMMIT, person.residence),
            judged_on=judged_on,
            first_day=first,
            last_day=last,
            consumed=tuple(sorted(day for one in others for day in stay(one.first_day, one.last_day))),
        )
        return evaluate(self.agreement.version_on(judged_on), found, at, id=new_id(), visit_id=visit_id)

    def request(self, day: date, at: datetime = NOW) -> tuple[Visit | None, tuple[Any]]:
        visit_id = new_id()
        visit, events = Visit.request(
            id=visit_id,
            agreement=self.agreement,
            host_club=SUMMIT,
            home_club=HARBOUR,
            member_ref=REF,
            first_day=day,
            last_day=day,
            verdict=self.judge(visit_id, day, day, at, day),
            verdict_hash=SEALED,
            at=at,
            zone=ZONE,
        )
        if visit is not None:
            self.visits[visit.id] = visit
        return visit, events

    def confirm(self, visit: Visit, at: datetime = NOW) -> tuple[Visit, tuple[Any]]:
        given = self.judge(visit.id, visit.first_day, visit.last_day, at, visit.first_day)
        self.visits[visit.id], events = visit.confirm(given, SEALED, at, ZONE)
        return self.visits[visit.id], events

    def book(self, day: date) -> Visit:
        visit, _ = self.request(day)
        assert visit is not None
        return self.confirm(visit)[0]

    def check_in(self, visit: Visit, at: datetime, today: date) -> tuple[Visit, tuple[Any]]:
        given = self.judge(visit.id, visit.first_day, visit.last_day, at, today)
        self.visits[visit.id], events = visit.check_in(given, SEALED, SEALED, at, ZONE)
        return self.visits[visit.id], events


def test_story_3_both_clubs_accept_the_same_version_before_it_rules() -> None:
    first, second = terms(), terms(notice_days=60)
    draft, _ = Agreement.draft(id=AGREEMENT, proposer=HARBOUR, partner=SUMMIT, terms=first)
    proposed, _ = draft.propose(HARBOUR)
    with pytest.raises(NotCoSigned) as alone:
        proposed.activate(HARBOUR, NOW)
    assert alone.value.code == "agreement/not-co-signed"
    countered, _ = proposed.counter(SUMMIT, second)
    with pytest.raises(TermsDiffer):
        countered.accept(HARBOUR, terms_hash(first))
    with pytest.raises(NotAParty) as stranger:
        countered.accept(MEADOW, terms_hash(second))
    assert stranger.value.code == "request/not-found"
    accepted, _ = countered.accept(HARBOUR, terms_hash(second))
    active, (event,) = accepted.activate(HARBOUR, NOW)
    assert (active.state, active.in_force) == (AgreementState.ACTIVE, 2)
    assert event.parties == (HARBOUR, SUMMIT)


def test_story_5_an_eligible_visit_is_confirmed_and_its_verdict_keeps_what_it_was_made_from() -> None:
    clubs = Clubs(terms())
    visit, (event,) = clubs.request(date(2026, 3, 12))
    assert visit is not None
    inputs = event.verdict.inputs
    assert (event.verdict.eligible, event.verdict.terms_number) == (True, 1)
    assert (inputs.consumed, inputs.distance_from_club_metres) == ((), 224_351)
    confirmed, (event_of_confirmation,) = clubs.confirm(visit)
    assert confirmed.state is VisitState.CONFIRMED
    assert replay(clubs.agreement.newest, event_of_confirmation.verdict)


def test_story_6_a_near_residence_and_a_wrong_category_are_both_named_in_one_answer() -> None:
    clubs = Clubs(terms(), residence=NEAR_SUMMIT, category="country")
    nothing, (event,) = clubs.request(date(2026, 3, 12))
    assert nothing is None
    assert isinstance(event, VisitRefused)
    assert event.verdict.codes == ("visit/category", "visit/distance")
    distance = event.verdict.failed[1].parameters
    assert distance == {"from": "residence", "metres": 37_234, "least_metres": 90_000}
    assert clubs.visits == {}


def test_story_11_a_fifth_visit_in_march_is_refused_and_the_quota_resets_in_april() -> None:
    clubs = Clubs(terms())
    for day in (3, 10, 17, 24):
        clubs.book(date(2026, 3, day))
    nothing, (event,) = clubs.request(date(2026, 3, 30))
    assert nothing is None
    failure = event.verdict.failed[0]
    assert (failure.code, event.verdict.codes) == ("visit/quota-exceeded", ("visit/quota-exceeded",))
    assert failure.parameters["window"] == "calendar_month"
    assert (failure.parameters["used"], failure.parameters["resets_at"]) == (4, "2026-04-01")
    assert clubs.request(date(2026, 4, 1))[0] is not None


def test_story_11_of_two_requests_for_the_fourth_place_exactly_one_is_confirmed() -> None:
    clubs = Clubs(terms())
    for day in (3, 10, 17):
        clubs.book(date(2026, 3, day))
    one, _ = clubs.request(date(2026, 3, 24))
    other, _ = clubs.request(date(2026, 3, 24))
    assert one is not None
    assert other is not None
    assert clubs.confirm(one)[0].state is VisitState.CONFIRMED
    still_open, (event,) = clubs.confirm(other)
    assert isinstance(event, VisitConfirmationRefused)
    assert (still_open.state, event.verdict.codes) == (VisitState.REQUESTED, ("visit/quota-exceeded",))
    clubs.visits[one.id], _ = clubs.visits[one.id].cancel("rain", NOW, ZONE)
    assert clubs.confirm(still_open)[0].state is VisitState.CONFIRMED


def test_story_12_a_visit_booked_while_the_agreement_held_is_refused_once_it_expired() -> None:
    clubs, today = Clubs(terms()), date(2026, 3, 12)
    booked = clubs.book(today)
    amended, _ = clubs.agreement.amend(SUMMIT, terms(effective_until=date(2026, 3, 11)))
    clubs.agreement, _ = amended.accept(HARBOUR, amended.newest.hash)
    still_booked, (event,) = clubs.check_in(booked, at_noon(today), today)
    assert isinstance(event, VisitCheckInRefused)
    assert (still_booked.state, event.verdict.codes) == (VisitState.CONFIRMED, ("agreement/expired",))
    assert (event.verdict.terms_number, still_booked.terms_number) == (2, 2)


def test_story_12_a_visit_checked_in_before_the_notice_ran_out_stays_valid() -> None:
    clubs, today = Clubs(terms(notice_days=10)), date(2026, 3, 12)
    first, second = clubs.book(today), clubs.book(date(2026, 3, 13))
    clubs.agreement, _ = clubs.agreement.give_notice(SUMMIT, datetime(2026, 3, 2, 20, tzinfo=UTC))
    there, _ = clubs.check_in(first, at_noon(today), today)
    clubs.agreement, _ = clubs.agreement.conclude(datetime(2026, 3, 12, 20, tzinfo=UTC), (ZONE, ZONE))
    assert there.check_out(datetime(2026, 3, 12, 21, tzinfo=UTC))[0].state is VisitState.CHECKED_OUT
    kept, (event,) = clubs.check_in(second, at_noon(date(2026, 3, 13)), date(2026, 3, 13))
    assert (kept.state, event.verdict.codes) == (VisitState.CONFIRMED, ("agreement/terminated",))


def test_story_12_standing_is_not_trusted_from_the_booking_either() -> None:
    clubs, today = Clubs(terms()), date(2026, 3, 12)
    booked = clubs.book(today)
    at_eight = datetime(2026, 3, 12, 8, tzinfo=UTC)
    clubs.member, _ = clubs.member.record(fact(FactKind.SUSPENDED, today, recorded_at=at_eight))
    _, (event,) = clubs.check_in(booked, at_noon(today), today)
    assert event.verdict.codes == ("member/not-in-good-standing",)
    assert event.verdict.failed[0].parameters["since"] == "2026-03-12"
