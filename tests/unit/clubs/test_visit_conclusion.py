"""What the passing of time makes of a visit: closings by the clocks of the host, no-shows, requests that lapse."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs.days import MIDNIGHT, BadTimeOfDay, closing, closing_after, last_closed, local_date, time_of_day
from core.clubs.visit import Visit
from core.clubs.visit_refusals import NotDue, WindowOver, WrongState
from core.clubs.visit_states import LIFE_CYCLE, STATES_AHEAD, VisitMove, VisitState
from tests.unit.clubs.samples import DAY, NOW, ZONE, at_noon, checked_in, confirmed, in_state, later, visit

State = VisitState
Move = VisitMove
NOON = at_noon(DAY)
MIDNIGHT_AFTER = datetime(2026, 3, 12, 23, tzinfo=UTC)
"""The end of `DAY` in Zurich."""
BY_TIME = {State.REQUESTED: Move.LAPSE, State.CONFIRMED: Move.MARK_NO_SHOW, State.CHECKED_IN: Move.CHECK_OUT}
EVENTS = {
    State.REQUESTED: "clubs.visit_lapsed",
    State.CONFIRMED: "clubs.visit_marked_no_show",
    State.CHECKED_IN: "clubs.visit_checked_out",
}
ZONES = ("Europe/Zurich", "America/New_York", "Asia/Tokyo", "Pacific/Apia", "Asia/Beirut", "Australia/Lord_Howe", "UTC")

times_of_day = st.times().map(lambda time: f"{time:%H:%M}")
instants = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


def in_the_state(state: State) -> Visit:
    """A visit of `DAY`; one that is or was inside came in at noon."""
    inside = state in (State.CHECKED_IN, State.CHECKED_OUT)
    one: Visit = in_state(checked_in() if inside else confirmed(), state)
    return one


@pytest.mark.parametrize("state", list(State))
def test_vis3_time_does_to_each_state_what_the_table_says_once_its_day_is_over_and_not_before(state: State) -> None:
    one = in_the_state(state)
    with pytest.raises(NotDue):
        one.conclude(later(MIDNIGHT_AFTER, microseconds=-1), ZONE, MIDNIGHT)
    if state not in BY_TIME:
        for days in (0, 1, 400):
            with pytest.raises(NotDue):
                one.conclude(later(MIDNIGHT_AFTER, days=days), ZONE, MIDNIGHT)
        return
    after, (event,) = one.conclude(MIDNIGHT_AFTER, ZONE, MIDNIGHT)
    assert after.state is LIFE_CYCLE[state, BY_TIME[state]]
    assert (after.version, event.visit, event.type) == (one.version + 1, after, EVENTS[state])
    assert event.parties == (one.host_club, one.home_club)


def test_sh7_nothing_but_a_request_lapses() -> None:
    assert {state for state, move in LIFE_CYCLE if move is Move.LAPSE} == {State.REQUESTED}


def test_vis3_a_stay_of_several_days_is_over_after_its_last_one() -> None:
    last_day = DAY + timedelta(days=2)
    for one in (visit(last_day), confirmed(last_day), checked_in(last_day)):
        with pytest.raises(NotDue):
            one.conclude(later(MIDNIGHT_AFTER, days=2, microseconds=-1), ZONE, MIDNIGHT)
        assert (
            one.conclude(later(MIDNIGHT_AFTER, days=2), ZONE, MIDNIGHT)[0].state
            is LIFE_CYCLE[one.state, BY_TIME[one.state]]
        )


@pytest.mark.parametrize(
    ("closing_time", "closed_at"),
    [
        ("00:00", "2026-03-12T23:00:00Z"),
        ("00:01", "2026-03-12T23:01:00Z"),
        ("02:00", "2026-03-13T01:00:00Z"),
        ("11:59", "2026-03-13T10:59:00Z"),
        ("14:00", "2026-03-12T13:00:00Z"),
        ("23:59", "2026-03-12T22:59:00Z"),
        # Noon is the same day's, and the house had closed when she came in at 13:00: it closes again a day later.
        ("12:00", "2026-03-13T11:00:00Z"),
        ("13:00", "2026-03-13T12:00:00Z"),
    ],
)
def test_vis11_who_forgot_to_check_out_is_checked_out_at_the_closing_itself(closing_time: str, closed_at: str) -> None:
    there = checked_in()
    at = datetime.fromisoformat(closed_at)
    with pytest.raises(NotDue):
        there.conclude(later(at, microseconds=-1), ZONE, closing_time)
    for late in (at, later(at, days=3)):
        left, (event,) = there.conclude(late, ZONE, closing_time)
        assert (left.state, left.checked_out_at, left.auto_check_out) == (State.CHECKED_OUT, at, True)
        assert event.visit == left


@pytest.mark.parametrize(
    ("zone", "day", "closing_time", "closed_at"),
    [
        # The clocks go forward at 02:00: what they skip is counted on from before.
        ("Europe/Zurich", date(2026, 3, 28), "01:59", "2026-03-29T00:59:00Z"),
        ("Europe/Zurich", date(2026, 3, 28), "02:00", "2026-03-29T01:00:00Z"),
        ("Europe/Zurich", date(2026, 3, 28), "02:30", "2026-03-29T01:30:00Z"),
        ("Europe/Zurich", date(2026, 3, 28), "03:00", "2026-03-29T01:00:00Z"),
        # The clocks go back at 03:00: what they show twice is the first of the two.
        ("Europe/Zurich", date(2026, 10, 24), "02:00", "2026-10-25T00:00:00Z"),
        ("Europe/Zurich", date(2026, 10, 24), "02:30", "2026-10-25T00:30:00Z"),
        ("Europe/Zurich", date(2026, 10, 24), "03:00", "2026-10-25T02:00:00Z"),
        # Midnight itself is skipped.
        ("Asia/Beirut", date(2026, 3, 28), "00:00", "2026-03-28T22:00:00Z"),
        # A whole day is skipped at the date line.
        ("Pacific/Apia", date(2011, 12, 29), "00:00", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", date(2011, 12, 30), "00:00", "2011-12-30T10:00:00Z"),
    ],
)
def test_vis11_a_house_closes_by_its_own_clocks_where_they_are_put_forward_or_back(
    zone: str, day: date, closing_time: str, closed_at: str
) -> None:
    assert closing(day, closing_time, zone) == datetime.fromisoformat(closed_at)


@pytest.mark.parametrize(
    ("closing_time", "at", "closed"),
    [
        ("12:00", "2026-03-12T10:59:59Z", 11),
        ("12:00", "2026-03-12T11:00:00Z", 12),
        ("11:59", "2026-03-12T11:00:00Z", 11),
        ("11:59", "2026-03-12T10:58:59Z", 10),
        ("00:00", "2026-03-12T22:59:59Z", 11),
        ("00:00", "2026-03-12T23:00:00Z", 12),
        ("23:59", "2026-03-12T22:59:00Z", 12),
    ],
)
def test_vis11_a_time_before_noon_is_that_of_the_following_night(closing_time: str, at: str, closed: int) -> None:
    assert last_closed(datetime.fromisoformat(at), closing_time, ZONE) == date(2026, 3, closed)


def test_vis11_a_house_at_the_date_line_has_not_closed_after_a_day_that_its_zone_skipped() -> None:
    after_the_skip = datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert local_date(after_the_skip, "Pacific/Apia") == date(2011, 12, 31)
    assert last_closed(after_the_skip, "11:59", "Pacific/Apia") == date(2011, 12, 28)


@given(day=st.dates(date(2000, 1, 1), date(2036, 1, 1)), closing_time=times_of_day, zone=st.sampled_from(ZONES))
def test_vis11_a_later_day_never_closes_earlier(day: date, closing_time: str, zone: str) -> None:
    assert closing(day, closing_time, zone) <= closing(day + timedelta(days=1), closing_time, zone)


@given(
    at=instants,
    stay=st.integers(0, 30),
    late=st.timedeltas(timedelta(), timedelta(days=3)),
    closing_time=times_of_day,
    zone=st.sampled_from(ZONES),
)
def test_vis11_the_automatic_check_out_is_later_than_the_check_in_and_the_first_that_may_be(
    at: datetime, stay: int, late: timedelta, closing_time: str, zone: str
) -> None:
    last_day = local_date(at, zone) + timedelta(days=stay)
    closed_at = closing_after(last_day, at, closing_time, zone)
    assert closed_at > at
    between = closing(last_day, closing_time, zone)
    assert closed_at == between or (between <= at and closed_at - at <= timedelta(days=2))
    there = replace(checked_in(), checked_in_at=at, last_day=last_day)
    left, _ = there.conclude(closed_at + late, zone, closing_time)
    assert left.checked_out_at == closed_at
    # What storage is asked for holds every visit that is due.
    assert last_day <= last_closed(closed_at + late, closing_time, zone)
    with pytest.raises(NotDue):
        there.conclude(closed_at - timedelta(microseconds=1), zone, closing_time)


@pytest.mark.parametrize("state", sorted(STATES_AHEAD))
def test_vis6_what_was_confirmed_and_missed_is_not_cancelled_afterwards(state: State) -> None:
    one = in_the_state(state)
    assert one.cancel("rain", later(MIDNIGHT_AFTER, microseconds=-1), ZONE)[0].state is State.CANCELLED
    if state is State.REQUESTED:
        assert one.cancel("rain", MIDNIGHT_AFTER, ZONE)[0].state is State.CANCELLED
        return
    for turn_away in (one.cancel, one.deny):
        with pytest.raises(WindowOver) as refused:
            turn_away("rain", MIDNIGHT_AFTER, ZONE)
        assert refused.value.parameters == {"last_day": DAY}


def test_vis6_a_visit_that_ended_is_in_the_wrong_state_for_a_cancellation_however_late() -> None:
    with pytest.raises(WrongState):
        checked_in().cancel("rain", later(NOON, days=9), ZONE)
    with pytest.raises(WrongState):
        visit().decline("full")[0].cancel("rain", NOW, ZONE)


@pytest.mark.parametrize(
    "text", ["", "24:00", "7:00", "07:60", "07:00:00", "07.00", "\u0660\u0667:00", " 07:00", "07:00\n"]
)
def test_a_time_of_day_has_one_spelling(text: str) -> None:
    assert time_of_day("23:59", "closing_time") == "23:59"
    with pytest.raises(BadTimeOfDay) as refused:
        time_of_day(text, "closing_time")
    assert refused.value.parameters == {"field": "closing_time"}
