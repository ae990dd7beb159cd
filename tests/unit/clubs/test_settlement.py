"""What a pair settles: which month a check-in is of, when a month is closed, and what two sides differ in."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs.settlement import (
    CLOSED_AFTER,
    CheckIn,
    MalformedCheckIn,
    Unmatched,
    check_in_of,
    closed_from,
    difference,
    newest_closed,
    of_pair,
    pair_of,
    period_of,
    span_of,
)

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))
VISIT = UUID(int=7)
COMMITMENT = bytes([5]) * 32
FACT = {"visit_commitment": "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU"}
STATE = {
    "host_club": str(TWO),
    "home_club": str(ONE),
    "checked_in_at": "2026-03-31T23:59:59.999999Z",
    "commitment": FACT["visit_commitment"],
}
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


def check_in(number: int, host: UUID = TWO, home: UUID = ONE, at: str = "2026-03-12T10:00:00+00:00") -> CheckIn:
    return CheckIn(
        visit=UUID(int=number), host=host, home=home, at=datetime.fromisoformat(at), commitment=bytes([number]) * 32
    )


@pytest.mark.parametrize(
    ("at", "period"),
    [
        ("2026-03-01T00:00:00+00:00", "2026-03"),
        ("2026-02-28T23:59:59.999999+00:00", "2026-02"),
        ("2026-03-31T23:59:59.999999+00:00", "2026-03"),
        ("2026-04-01T01:30:00+02:00", "2026-03"),
        ("2026-03-31T20:00:00-05:00", "2026-04"),
        ("2026-12-31T23:59:59+00:00", "2026-12"),
        ("2027-01-01T00:00:00+00:00", "2027-01"),
    ],
)
def test_the_month_of_an_instant_is_that_of_utc_in_whichever_zone_it_is_told(at: str, period: str) -> None:
    assert period_of(datetime.fromisoformat(at)) == period


@given(INSTANTS, st.integers(-14, 14))
def test_every_instant_is_in_the_span_of_its_own_period_and_of_no_other(at: datetime, hours: int) -> None:
    start, end = span_of(period_of(at.astimezone(timezone(timedelta(hours=hours)))))
    assert start <= at < end
    assert period_of(start) == period_of(end - timedelta(microseconds=1)) != period_of(end)
    assert period_of(end - timedelta(microseconds=1)) < period_of(end), "periods sort as they follow each other"


@given(INSTANTS)
def test_the_newest_closed_period_ended_a_day_ago_and_the_next_one_did_not(now: datetime) -> None:
    _start, end = span_of(newest_closed(now))
    assert end + CLOSED_AFTER <= now
    assert now < span_of(period_of(end))[1] + CLOSED_AFTER


def test_a_period_is_closed_exactly_a_day_after_its_end() -> None:
    midnight = datetime(2026, 4, 2, tzinfo=UTC)
    assert newest_closed(midnight) == "2026-03"
    assert newest_closed(midnight - timedelta(microseconds=1)) == "2026-02"


@given(INSTANTS)
def test_a_period_is_the_newest_closed_one_from_the_instant_on_that_it_is_said_to_be(now: datetime) -> None:
    period = period_of(now)
    assert newest_closed(closed_from(period)) == period
    assert newest_closed(closed_from(period) - timedelta(microseconds=1)) < period


def test_a_check_in_is_read_out_of_its_record() -> None:
    found = check_in_of(FACT, {**STATE, "reason": None}, str(VISIT))
    assert (found.visit, found.host, found.home, found.commitment) == (VISIT, TWO, ONE, COMMITMENT)
    assert (found.pair, found.period) == ((ONE, TWO), "2026-03")


@pytest.mark.parametrize("name", [*STATE, "visit_commitment"])
@pytest.mark.parametrize("value", [None, 7, "", "nothing of the kind", "absent"])
def test_a_record_that_does_not_say_what_a_check_in_says_is_named_as_malformed(name: str, value: Any) -> None:
    fact, state = dict[str, Any](FACT), dict[str, Any](STATE)
    whose = state if name in state else fact
    whose[name] = value
    if value == "absent":
        del whose[name]
    with pytest.raises(MalformedCheckIn):
        check_in_of(fact, state, str(VISIT))


def test_a_pair_is_the_same_whoever_is_named_first() -> None:
    assert pair_of(ONE, TWO) == pair_of(TWO, ONE) == (ONE, TWO)
    assert check_in(1, host=ONE, home=TWO).pair == check_in(1, host=TWO, home=ONE).pair


def test_a_side_has_the_pairs_visits_in_both_directions_and_of_this_month_alone() -> None:
    every = [
        check_in(1),
        check_in(2, host=ONE, home=TWO),
        check_in(3, host=THREE),
        check_in(4, at="2026-04-01T00:00:00+00:00"),
        check_in(5, at="2026-02-28T23:59:59+00:00"),
    ]
    assert of_pair(every, (ONE, TWO), "2026-03") == {bytes([1]) * 32: UUID(int=1), bytes([2]) * 32: UUID(int=2)}


def test_equal_sides_agree_in_whatever_order() -> None:
    side = of_pair([check_in(1), check_in(2)], (ONE, TWO), "2026-03")
    assert difference(side, dict(reversed(side.items()))) is None
    assert difference({}, {}) is None


def test_a_difference_names_the_visits_that_only_one_has() -> None:
    first = of_pair([check_in(1), check_in(2), check_in(3)], (ONE, TWO), "2026-03")
    second = of_pair([check_in(4), check_in(2)], (ONE, TWO), "2026-03")
    found = difference(first, second)
    assert found is not None
    assert [each.visit.int for each in found.only_first] == [1, 3]
    assert [each.visit.int for each in found.only_second] == [4]
    turned = difference(second, first)
    assert turned is not None
    assert (turned.only_first, turned.only_second) == (found.only_second, found.only_first)


def test_one_visit_under_two_commitments_is_named_on_both_sides() -> None:
    found = difference({bytes([1]) * 32: VISIT}, {bytes([2]) * 32: VISIT})
    assert found is not None
    assert found.only_first == (Unmatched(visit=VISIT, commitment=bytes([1]) * 32),)
    assert found.only_second == (Unmatched(visit=VISIT, commitment=bytes([2]) * 32),)
