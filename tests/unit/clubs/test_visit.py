"""Visits: the table pair by pair, refusals that are outcomes, check-in at the desk, the commitment of both clubs."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any, get_type_hints
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs.days import BadStay
from core.clubs.eligibility import Verdict
from core.clubs.names import BadText
from core.clubs.refused_visit import VisitRefusalErased, VisitRefused
from core.clubs.visit import (
    Visit,
    VisitCheckInRefused,
    VisitConfirmationRefused,
    VisitConfirmed,
    VisitErased,
    VisitRequested,
)
from core.clubs.visit_refusals import (
    AlreadyCheckedIn,
    CheckOutNotAfterCheckIn,
    ForeignVerdict,
    NotYet,
    WindowOpen,
    WindowOver,
    WrongClubs,
    WrongState,
)
from core.clubs.visit_states import LIFE_CYCLE, STATES_AHEAD, VisitMove, VisitState
from shared.canonical import dumps, plain
from shared.errors import ConcordatError
from shared.events import Personal
from tests.unit.clubs.samples import (
    AGREEMENT,
    DAY,
    HARBOUR,
    MEADOW,
    NOW,
    REF,
    SEALED,
    SUMMIT,
    VISIT,
    ZONE,
    agreement,
    at_noon,
    checked_in,
    confirmed,
    facts,
    judged,
    later,
    terms,
    verdict,
    visit,
)

State = VisitState
Move = VisitMove
NOON = at_noon(DAY)
OVER = at_noon(DAY + timedelta(days=1))
OTHER_SEAL = bytes(32)
MADE = [move for move in Move if move is not Move.LAPSE]
"""Moves that somebody makes; a request lapses by time alone."""
INELIGIBLE: dict[str, Any] = {"category": "country"}


def in_every_state() -> dict[State, Visit]:
    """One visit in each state, reached by the moves that lead there."""
    return {
        State.REQUESTED: visit(),
        State.CONFIRMED: confirmed(),
        State.CHECKED_IN: checked_in(),
        State.CHECKED_OUT: checked_in().check_out(later(NOON, hours=3))[0],
        State.DECLINED: visit().decline("the house is full")[0],
        State.CANCELLED: visit().cancel("rain", NOW, ZONE)[0],
        State.NO_SHOW: confirmed().no_show(OVER, ZONE)[0],
        State.DENIED_AT_DOOR: confirmed().deny("no tie", NOON, ZONE)[0],
    }


VISITS = in_every_state()


def attempts(one: Visit) -> dict[Move, Callable[[], tuple[Visit, tuple[Any]]]]:
    """For each move the call that makes it."""
    yes, no = judged(one, NOON), judged(one, NOON, **INELIGIBLE)
    return {
        Move.CONFIRM: lambda: one.confirm(yes, OTHER_SEAL, NOON, ZONE),
        Move.REFUSE_CONFIRMATION: lambda: one.confirm(no, OTHER_SEAL, NOON, ZONE),
        Move.DECLINE: lambda: one.decline("a reason"),
        Move.CANCEL: lambda: one.cancel("a reason", NOON, ZONE),
        Move.CHECK_IN: lambda: one.check_in(yes, OTHER_SEAL, SEALED, NOON, ZONE),
        Move.REFUSE_CHECK_IN: lambda: one.check_in(no, OTHER_SEAL, SEALED, NOON, ZONE),
        Move.DENY: lambda: one.deny("a reason", NOON, ZONE),
        Move.MARK_NO_SHOW: lambda: one.no_show(OVER, ZONE),
        Move.CHECK_OUT: lambda: one.check_out(later(NOON, hours=5)),
        Move.ERASE: one.erase,
    }


@pytest.mark.parametrize(("state", "move"), list(product(State, MADE)))
def test_sh7_vis3_every_pair_of_state_and_move_does_what_the_table_says(state: State, move: Move) -> None:
    before = VISITS[state]
    attempt = attempts(before)[move]
    assert before.state is state
    if (state, move) in LIFE_CYCLE:
        after, (event,) = attempt()
        assert after.state is LIFE_CYCLE[state, move]
        assert after.version == before.version + 1
        assert event.after == (after,)
        assert event.parties == (SUMMIT, HARBOUR)
        return
    at_the_desk = move in (Move.CHECK_IN, Move.REFUSE_CHECK_IN)
    with pytest.raises(AlreadyCheckedIn if at_the_desk and state is State.CHECKED_IN else WrongState) as refused:
        attempt()
    if refused.type is WrongState:
        asked = {Move.REFUSE_CHECK_IN: Move.CHECK_IN, Move.REFUSE_CONFIRMATION: Move.CONFIRM}.get(move, move)
        assert refused.value.parameters == {"state": state.value, "move": asked.value}


def test_vis3_every_state_is_reached_and_an_ended_visit_stays_ended() -> None:
    ends = {State.CHECKED_OUT, State.DECLINED, State.CANCELLED, State.NO_SHOW, State.DENIED_AT_DOOR}
    assert {*LIFE_CYCLE.values(), State.REQUESTED} == set(State)
    for (start, move), end in LIFE_CYCLE.items():
        assert start not in ends or (move, end) == (Move.ERASE, start)
    assert {State.REQUESTED, State.CONFIRMED} == STATES_AHEAD


def request(**changes: Any) -> tuple[Visit | None, tuple[Any]]:
    usual: dict[str, Any] = {
        "id": VISIT,
        "agreement": agreement(),
        "host_club": SUMMIT,
        "home_club": HARBOUR,
        "member_ref": REF,
        "first_day": DAY,
        "last_day": DAY,
        "verdict": verdict(facts()),
        "verdict_hash": SEALED,
        "at": NOW,
        "zone": ZONE,
    }
    return Visit.request(**{**usual, **changes})


def test_vis0_an_eligible_request_is_a_visit_whose_event_carries_the_verdict() -> None:
    requested, (event,) = request()
    assert requested is not None
    assert isinstance(event, VisitRequested)
    assert (requested.version, requested.state, requested.requested_at) == (1, State.REQUESTED, NOW)
    assert (requested.verdict_hash, requested.terms_number) == (SEALED, 1)
    assert (event.event_id, event.parties) == (event.verdict.id, (SUMMIT, HARBOUR))


def test_vis0_a_refused_request_is_an_outcome_with_a_verdict_and_without_a_visit() -> None:
    nothing, (event,) = request(verdict=verdict(facts(**INELIGIBLE)))
    assert nothing is None
    assert isinstance(event, VisitRefused)
    assert event.verdict.codes == ("visit/category",)
    assert (event.after, event.parties) == ((), (SUMMIT, HARBOUR))
    assert (event.about, event.event_id) == (("visit", VISIT, 0), event.verdict.id)
    assert (event.member_ref, event.agreement_id, event.verdict_hash) == (REF, AGREEMENT, SEALED)


@pytest.mark.parametrize(("host", "home"), [(SUMMIT, SUMMIT), (HARBOUR, HARBOUR), (MEADOW, HARBOUR), (SUMMIT, MEADOW)])
def test_vis2_host_and_home_are_the_two_parties_of_the_agreement(host: UUID, home: UUID) -> None:
    with pytest.raises(WrongClubs):
        request(host_club=host, home_club=home)


def test_vis2_either_party_may_be_the_host() -> None:
    there = verdict(facts(host_club=HARBOUR, home_club=SUMMIT))
    assert request(host_club=HARBOUR, home_club=SUMMIT, verdict=there)[0] is not None


@pytest.mark.parametrize(
    ("first", "last"),
    [(DAY, DAY - timedelta(days=1)), (DAY, DAY + timedelta(days=31)), (DAY, date.max)],
)
def test_a_stay_that_is_backwards_or_too_long_is_refused(first: date, last: date) -> None:
    with pytest.raises(BadStay):
        request(first_day=first, last_day=last)


def test_a_visit_is_not_requested_for_a_day_that_is_over_at_the_host() -> None:
    with pytest.raises(WindowOver):
        request(at=later(NOON, days=1))
    late = datetime(2026, 3, 12, 22, 59, tzinfo=UTC)
    assert request(at=late, verdict=verdict(facts(), late))[0] is not None
    with pytest.raises(WindowOver):
        request(at=later(late, minutes=1))


@pytest.mark.parametrize(
    ("field", "foreign"),
    [
        ("visit_id", verdict(facts(), visit_id=MEADOW)),
        ("at", verdict(facts(), later(NOW, seconds=1))),
        ("clubs", verdict(facts(host_club=HARBOUR, home_club=SUMMIT))),
        ("days", verdict(facts(last_day=DAY + timedelta(days=1)))),
        ("judged_on", verdict(facts(judged_on=DAY - timedelta(days=1)))),
        ("terms_hash", verdict(facts(), agreed=terms(notice_days=7))),
        ("terms_hash", replace(verdict(facts()), terms_number=2)),
    ],
)
def test_vis1_a_verdict_that_was_given_on_something_else_decides_nothing(field: str, foreign: Verdict) -> None:
    with pytest.raises(ForeignVerdict) as refused:
        request(verdict=foreign)
    assert refused.value.parameters == {"field": field}


def test_vis6_confirming_keeps_the_verdict_and_the_instant() -> None:
    requested = visit()
    given_now = judged(requested, NOON)
    booked, (event,) = requested.confirm(given_now, OTHER_SEAL, NOON, ZONE)
    assert isinstance(event, VisitConfirmed)
    assert (booked.state, booked.confirmed_at, booked.verdict_hash) == (State.CONFIRMED, NOON, OTHER_SEAL)
    assert event.event_id == given_now.id


def test_vis0_a_refused_confirmation_keeps_the_request_open_and_can_be_made_good() -> None:
    requested = visit()
    kept, (event,) = requested.confirm(judged(requested, NOON, **INELIGIBLE), OTHER_SEAL, NOON, ZONE)
    assert isinstance(event, VisitConfirmationRefused)
    assert (kept.state, kept.version, kept.confirmed_at) == (State.REQUESTED, 2, None)
    assert (kept.verdict_hash, event.verdict.codes) == (OTHER_SEAL, ("visit/category",))
    again, _ = kept.confirm(judged(kept, NOON), SEALED, NOON, ZONE)
    assert (again.state, again.version) == (State.CONFIRMED, 3)


@pytest.mark.parametrize("last_day", [DAY, DAY + timedelta(days=2)])
def test_vis3_a_request_is_confirmed_up_to_the_last_day_of_the_hosts_calendar(last_day: date) -> None:
    requested = visit(last_day=last_day)
    midnight = datetime(2026, 3, 12, 23, tzinfo=UTC) + (last_day - DAY)
    in_time = later(midnight, microseconds=-1)
    assert requested.confirm(judged(requested, in_time), SEALED, in_time, ZONE)[0].state is State.CONFIRMED
    for changes in ({}, INELIGIBLE):
        with pytest.raises(WindowOver) as refused:
            requested.confirm(judged(requested, midnight, **changes), SEALED, midnight, ZONE)
        assert refused.value.parameters == {"last_day": last_day}


def test_vis4_a_confirmed_booking_is_not_a_right() -> None:
    booked = confirmed()
    kept, (event,) = booked.check_in(judged(booked, NOON, **INELIGIBLE), OTHER_SEAL, SEALED, NOON, ZONE)
    assert isinstance(event, VisitCheckInRefused)
    assert (kept.state, kept.checked_in_at, kept.commitment) == (State.CONFIRMED, None, None)
    assert (kept.verdict_hash, kept.version) == (OTHER_SEAL, booked.version + 1)
    assert (event.event_id, event.verdict.codes) == (event.verdict.id, ("visit/category",))


def test_vis4_a_check_in_is_judged_on_its_own_day_at_its_own_instant() -> None:
    booked = confirmed(DAY + timedelta(days=2))
    second = at_noon(DAY + timedelta(days=1))
    with pytest.raises(ForeignVerdict):
        booked.check_in(judged(booked, second), SEALED, SEALED, second, ZONE)
    with pytest.raises(ForeignVerdict):
        booked.check_in(judged(booked, NOON), SEALED, SEALED, later(NOON, microseconds=1), ZONE)
    there, _ = booked.check_in(judged(booked, second, DAY + timedelta(days=1)), SEALED, SEALED, second, ZONE)
    assert there.checked_in_at == second


def test_vis5_a_second_check_in_is_refused_before_anything_else() -> None:
    there = checked_in()
    with pytest.raises(AlreadyCheckedIn) as refused:
        there.check_in(judged(there, NOW), SEALED, SEALED, NOW, "Asia/Tokyo")
    assert refused.value.code == "visit/already-checked-in"


@pytest.mark.parametrize(
    ("at", "refusal"),
    [
        (datetime(2026, 3, 11, 22, 59, 59, tzinfo=UTC), NotYet),
        (datetime(2026, 3, 11, 23, 0, tzinfo=UTC), None),
        (datetime(2026, 3, 12, 22, 59, 59, tzinfo=UTC), None),
        (datetime(2026, 3, 12, 23, 0, tzinfo=UTC), WindowOver),
    ],
)
def test_sh2_the_desk_admits_on_the_days_of_the_hosts_own_calendar(
    at: datetime, refusal: type[ConcordatError] | None
) -> None:
    booked = confirmed()
    if refusal is None:
        assert booked.check_in(judged(booked, at), SEALED, SEALED, at, ZONE)[0].state is State.CHECKED_IN
        return
    with pytest.raises(refusal):
        booked.check_in(judged(booked, at), SEALED, SEALED, at, ZONE)


@pytest.mark.parametrize("last_day", [DAY, DAY + timedelta(days=2)])
def test_vis3_nobody_is_a_no_show_before_the_last_day_is_over(last_day: date) -> None:
    booked = confirmed(last_day)
    midnight = datetime(2026, 3, 12, 23, tzinfo=UTC) + (last_day - DAY)
    with pytest.raises(WindowOpen):
        booked.no_show(later(midnight, microseconds=-1), ZONE)
    assert booked.no_show(midnight, ZONE)[0].state is State.NO_SHOW


def test_vis11_a_check_out_is_later_than_its_check_in_and_says_if_it_was_automatic() -> None:
    there = checked_in()
    for at in (NOON, later(NOON, microseconds=-1)):
        with pytest.raises(CheckOutNotAfterCheckIn):
            there.check_out(at)
    for auto in (False, True):
        left, (event,) = there.check_out(later(NOON, microseconds=1), auto)
        assert (left.state, left.auto_check_out) == (State.CHECKED_OUT, auto)
        assert (left.checked_out_at, event.visit) == (later(NOON, microseconds=1), left)


@pytest.mark.parametrize("reason", ["", " ", "two\nlines", "x" * 501])
def test_turning_somebody_away_needs_a_reason(reason: str) -> None:
    for turn_away in (
        lambda: visit().decline(reason),
        lambda: visit().cancel(reason, NOON, ZONE),
        lambda: confirmed().deny(reason, NOON, ZONE),
    ):
        with pytest.raises(BadText):
            turn_away()


@pytest.mark.parametrize("state", list(State))
def test_aud6_erasing_the_visitor_takes_the_reason_and_leaves_the_host_its_register(state: State) -> None:
    before = VISITS[state]
    after, (event,) = before.erase()
    assert isinstance(event, VisitErased)
    assert (after.reason, after.erased) == (None, True)
    kept = {"host_club", "home_club", "member_ref", "first_day", "last_day", "checked_in_at", "checked_out_at"}
    for name in (*kept, "commitment", "verdict_hash", "terms_hash", "agreement_id"):
        assert getattr(after, name) == getattr(before, name)
    assert after.state is (State.CANCELLED if state in STATES_AHEAD else state)


def test_aud6_a_refused_request_is_forgotten_in_both_logs() -> None:
    event = VisitRefusalErased(visit_id=VISIT, host_club=SUMMIT, home_club=HARBOUR)
    assert (event.parties, event.after, event.about) == ((SUMMIT, HARBOUR), (), ("visit", VISIT, 1))


def test_aud5_the_free_text_of_a_visit_is_marked_as_the_visitors() -> None:
    hints = get_type_hints(Visit, include_extras=True)
    marked = {
        field.name: mark.subject
        for field in fields(Visit)
        for mark in getattr(hints[field.name], "__metadata__", ())
        if isinstance(mark, Personal)
    }
    assert marked == {"reason": "id"}


@given(st.lists(st.sampled_from(MADE), max_size=12))
def test_sh1_versions_rise_by_one_per_decision_and_a_refusal_changes_nothing(tried: list[Move]) -> None:
    one, made = visit(), 0
    for move in tried:
        try:
            after, (event,) = attempts(one)[move]()
        except ConcordatError as refused:
            assert refused.code.startswith("visit/")
            continue
        made += 1
        assert after.version == one.version + 1 == made + 1
        assert LIFE_CYCLE[one.state, move] is after.state
        assert dumps(plain(event.facts))
        one = after


def test_sh6_the_same_command_on_the_same_state_decides_the_same() -> None:
    booked, given_now = confirmed(), judged(confirmed(), NOON)
    first, second = (booked.check_in(given_now, SEALED, SEALED, NOON, ZONE) for _ in range(2))
    assert first == second
