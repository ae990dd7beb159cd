"""Quotas: every window of every kind, on both sides of a stay, and under any interleaving of bookings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs.agreement import Agreement
from core.clubs.eligibility import evaluate
from core.clubs.quota import Overrun, overrun
from core.clubs.terms import Quota, Terms, Window
from core.clubs.visit import Visit
from core.clubs.visit_states import VisitState, states_that_consume
from shared.errors import Conflict
from tests.unit.clubs import oracles
from tests.unit.clubs.samples import (
    HARBOUR,
    NOW,
    REF,
    SEALED,
    SUMMIT,
    ZONE,
    agreement,
    at_noon,
    facts,
    later,
    new_id,
    terms,
)

MONTH = Quota(window=Window.CALENDAR_MONTH, limit=4)
QUARTER = Quota(window=Window.CALENDAR_QUARTER, limit=4)
YEAR = Quota(window=Window.CALENDAR_YEAR, limit=4)
ROLLING = Quota(window=Window.ROLLING_DAYS, limit=2, days=5)


def march(*days: int) -> list[date]:
    return [date(2026, 3, day) for day in days]


@pytest.mark.parametrize(
    ("quota", "consumed", "first", "last", "expected"),
    [
        (MONTH, march(1, 2, 3), date(2026, 3, 31), date(2026, 3, 31), None),
        (
            MONTH,
            march(1, 2, 3, 31),
            date(2026, 3, 15),
            date(2026, 3, 15),
            Overrun(used=4, requested=1, resets_at=date(2026, 4, 1)),
        ),
        (MONTH, march(1, 2, 3, 31), date(2026, 4, 1), date(2026, 4, 4), None),
        (
            MONTH,
            march(1, 2, 3),
            date(2026, 3, 30),
            date(2026, 4, 2),
            Overrun(used=3, requested=2, resets_at=date(2026, 4, 1)),
        ),
        # A stay that fits March overfills April.
        (
            MONTH,
            [],
            date(2026, 3, 31),
            date(2026, 4, 5),
            Overrun(used=0, requested=5, resets_at=date(2026, 5, 1)),
        ),
        (
            QUARTER,
            march(1, 2, 3, 4),
            date(2026, 3, 31),
            date(2026, 3, 31),
            Overrun(used=4, requested=1, resets_at=date(2026, 4, 1)),
        ),
        (QUARTER, march(1, 2, 3, 4), date(2026, 4, 1), date(2026, 4, 1), None),
        (
            YEAR,
            march(1, 2, 3, 4),
            date(2026, 12, 31),
            date(2026, 12, 31),
            Overrun(used=4, requested=1, resets_at=date(2027, 1, 1)),
        ),
        (YEAR, march(1, 2, 3, 4), date(2027, 1, 1), date(2027, 1, 1), None),
        (YEAR, [], date.max, date.max, None),
        (YEAR, [date.max] * 4, date.max, date.max, Overrun(used=4, requested=1, resets_at=None)),
        (ROLLING, march(1, 2), date(2026, 3, 6), date(2026, 3, 6), None),
        (
            ROLLING,
            march(1, 2),
            date(2026, 3, 5),
            date(2026, 3, 5),
            Overrun(used=2, requested=1, resets_at=date(2026, 3, 6)),
        ),
        # Booked days after the stay count as much as those before it.
        (
            ROLLING,
            march(12, 14),
            date(2026, 3, 10),
            date(2026, 3, 10),
            Overrun(used=2, requested=1, resets_at=date(2026, 3, 17)),
        ),
        (
            ROLLING,
            march(8, 12),
            date(2026, 3, 10),
            date(2026, 3, 10),
            Overrun(used=2, requested=1, resets_at=date(2026, 3, 13)),
        ),
        (ROLLING, march(7, 13), date(2026, 3, 10), date(2026, 3, 10), None),
        (ROLLING, [], date(2026, 3, 10), date(2026, 3, 12), Overrun(used=0, requested=3, resets_at=None)),
        # Two visits on one day are two visited days.
        (
            ROLLING,
            march(10, 10),
            date(2026, 3, 10),
            date(2026, 3, 10),
            Overrun(used=2, requested=1, resets_at=date(2026, 3, 15)),
        ),
    ],
)
def test_vis6_a_stay_uses_each_of_its_days_in_the_window_that_holds_it(
    quota: Quota, consumed: list[date], first: date, last: date, expected: Overrun | None
) -> None:
    assert overrun(quota, consumed, first, last) == expected


def test_vis7_quotas_agree_with_a_look_at_every_window() -> None:
    assert oracles.wrong_answer(oracles.fits) is None


def looks_back_only(quota: Quota, consumed: Sequence[date], first: date, last: date) -> bool:
    return oracles.fits(quota, [day for day in consumed if day <= last], first, last)


def counts_a_stay_once(quota: Quota, consumed: Sequence[date], first: date, _last: date) -> bool:
    return oracles.fits(quota, consumed, first, first)


def counts_a_day_once(quota: Quota, consumed: Sequence[date], first: date, last: date) -> bool:
    return oracles.fits(quota, [day for day in consumed if not first <= day <= last], first, last)


def allows_one_more(quota: Quota, consumed: Sequence[date], first: date, last: date) -> bool:
    return oracles.fits(Quota(window=quota.window, limit=quota.limit + 1, days=quota.days), consumed, first, last)


def window_a_day_short(quota: Quota, consumed: Sequence[date], first: date, last: date) -> bool:
    days = None if quota.days is None else max(1, quota.days - 1)
    return oracles.fits(Quota(window=quota.window, limit=quota.limit, days=days), consumed, first, last)


def refuses_the_last_place(quota: Quota, consumed: Sequence[date], first: date, last: date) -> bool:
    return quota.limit > 1 and oracles.fits(
        Quota(window=quota.window, limit=quota.limit - 1, days=quota.days), consumed, first, last
    )


@pytest.mark.parametrize(
    "planted",
    [
        looks_back_only,
        counts_a_stay_once,
        counts_a_day_once,
        allows_one_more,
        window_a_day_short,
        refuses_the_last_place,
    ],
)
def test_vis7_the_look_at_every_window_finds_a_planted_bug(planted: oracles.Fits) -> None:
    assert oracles.wrong_answer(planted) is not None


all_quotas = st.one_of(
    st.builds(Quota, window=st.sampled_from(list(Window)[:3]), limit=st.integers(1, 6)),
    st.builds(Quota, window=st.just(Window.ROLLING_DAYS), limit=st.integers(1, 6), days=st.integers(1, 40)),
)
near = st.integers(0, 80).map(lambda offset: date(2026, 11, 20) + timedelta(days=offset))


@given(all_quotas, st.lists(st.tuples(near, st.integers(1, 31)), max_size=12))
def test_vis7_what_is_admitted_stay_by_stay_never_overfills_a_window(
    quota: Quota, stays: list[tuple[date, int]]
) -> None:
    consumed: list[date] = []
    for first, length in stays:
        days = oracles.stay(first, first + timedelta(days=length - 1))
        fits = overrun(quota, consumed, days[0], days[-1]) is None
        assert fits == (oracles.fullest(quota, consumed + days) <= quota.limit)
        if fits:
            consumed += days


@given(all_quotas, st.lists(near, max_size=8), near, st.integers(1, 10))
def test_vis6_the_overrun_tells_a_window_that_is_overfull_and_when_that_ends(
    quota: Quota, consumed: list[date], first: date, length: int
) -> None:
    found = overrun(quota, consumed, first, first + timedelta(days=length - 1))
    if found is None:
        return
    assert found.used + found.requested > quota.limit
    assert 1 <= found.requested <= length
    assert 0 <= found.used <= len(consumed)
    if found.resets_at is None:
        assert found.used == 0
        return
    before = found.resets_at - timedelta(days=1)
    if quota.days is None:
        assert found.resets_at.day == 1
    else:
        assert before - timedelta(days=quota.days - 1) in consumed


# Several bookings of one member, each a little script of moves; the desk decides one move at a time, in any order.

Move = Callable[["Desk", int], None]


@dataclass
class Desk:
    """The visits of one member as the two clubs keep them, decided on one at a time."""

    agreed: Terms
    stays: Sequence[tuple[date, date]]
    visits: dict[int, Visit] = field(default_factory=dict)
    stale: dict[int, tuple[date, ...]] = field(default_factory=dict)
    both: Agreement = field(init=False)

    def __post_init__(self) -> None:
        self.both = agreement(self.agreed)

    def consumed(self, but: int) -> tuple[date, ...]:
        states = states_that_consume(self.agreed)
        others = [visit for place, visit in self.visits.items() if place != but and visit.state in states]
        return tuple(sorted(day for visit in others for day in oracles.stay(visit.first_day, visit.last_day)))

    def used(self) -> list[date]:
        return list(self.consumed(but=-1))

    def request(self, place: int) -> None:
        (first, last), visit_id = self.stays[place], new_id()
        self.stale[place] = self.consumed(place)
        found = facts(first_day=first, last_day=last, consumed=self.consumed(place))
        visit, _ = Visit.request(
            id=visit_id,
            agreement=self.both,
            host_club=SUMMIT,
            home_club=HARBOUR,
            member_ref=REF,
            first_day=first,
            last_day=last,
            verdict=evaluate(self.both.newest, found, NOW, id=new_id(), visit_id=visit_id),
            verdict_hash=SEALED,
            at=NOW,
            zone=ZONE,
        )
        if visit is not None:
            self.visits[place] = visit

    def confirm(self, place: int) -> None:
        self.confirm_by(place, self.consumed(place))

    def confirm_by_what_was_read_before(self, place: int) -> None:
        """The bug that a missing lock would be: the days used were read when the visit was requested."""
        self.confirm_by(place, self.stale.get(place, ()))

    def confirm_counting_who_came(self, place: int) -> None:
        """The bug that vis6 rules out: a confirmed visit reserves nothing until its check-in."""
        came = [one for one in self.visits.values() if one.state is VisitState.CHECKED_IN]
        self.confirm_by(place, tuple(day for one in came for day in oracles.stay(one.first_day, one.last_day)))

    def confirm_by(self, place: int, consumed: tuple[date, ...]) -> None:
        visit = self.visits[place]
        found = facts(first_day=visit.first_day, last_day=visit.last_day, consumed=consumed)
        given = evaluate(self.both.newest, found, NOW, id=new_id(), visit_id=visit.id)
        self.visits[place], _ = visit.confirm(given, SEALED, NOW, ZONE)

    def check_in(self, place: int) -> None:
        visit = self.visits[place]
        at, consumed = at_noon(visit.first_day), self.consumed(place)
        found = facts(first_day=visit.first_day, last_day=visit.last_day, consumed=consumed)
        given = evaluate(self.both.newest, found, at, id=new_id(), visit_id=visit.id)
        self.visits[place], _ = visit.check_in(given, SEALED, SEALED, at, ZONE)

    def check_out(self, place: int) -> None:
        self.visits[place], _ = self.visits[place].check_out(later(at_noon(self.stays[place][0]), hours=3))

    def cancel(self, place: int) -> None:
        self.visits[place], _ = self.visits[place].cancel("rain", NOW, ZONE)

    def no_show(self, place: int) -> None:
        over = at_noon(self.stays[place][1] + timedelta(days=1))
        self.visits[place], _ = self.visits[place].no_show(over, ZONE)

    def attempt(self, move: Move, place: int) -> None:
        """Make the move; one that comes too early, too late or after a refusal changes nothing."""
        try:
            move(self, place)
        except (Conflict, KeyError):
            return


SCRIPTS: dict[str, tuple[Move, ...]] = {
    "stays": (Desk.request, Desk.confirm, Desk.check_in),
    "cancels": (Desk.request, Desk.confirm, Desk.cancel),
    "never comes": (Desk.request, Desk.confirm, Desk.no_show),
}
BUSY = (Quota(window=Window.CALENDAR_MONTH, limit=3), ROLLING)
STAYS = tuple((date(2026, 3, first), date(2026, 3, last)) for first, last in ((10, 11), (14, 14), (12, 12)))


def interleavings(bookings: Sequence[tuple[Move, ...]]) -> Iterator[list[tuple[int, Move]]]:
    """Every order of all moves in which each booking's own moves keep theirs."""
    if not any(bookings):
        yield []
    for place, moves in enumerate(bookings):
        if moves:
            left = [*bookings[:place], moves[1:], *bookings[place + 1 :]]
            yield from ([(place, moves[0]), *rest] for rest in interleavings(left))


def overbooked(agreed: Terms, bookings: Sequence[tuple[Move, ...]]) -> list[tuple[int, Move]] | None:
    """The first interleaving after any move of which a window holds more used days than the quota allows."""
    for order in interleavings(bookings):
        desk = Desk(agreed, STAYS)
        for place, move in order:
            desk.attempt(move, place)
            if any(oracles.fullest(quota, desk.used()) > quota.limit for quota in agreed.quotas):
                return order
    return None


@pytest.mark.parametrize(
    ("names", "no_show_consumes"),
    [
        (("stays", "stays", "stays"), False),
        (("stays", "cancels", "stays"), False),
        (("never comes", "stays", "cancels"), False),
        (("never comes", "stays", "never comes"), True),
    ],
)
def test_vis7_no_interleaving_of_three_bookings_overfills_a_window(
    names: tuple[str, ...], no_show_consumes: bool
) -> None:
    agreed = terms(quotas=BUSY, no_show_consumes=no_show_consumes)
    assert overbooked(agreed, [SCRIPTS[name] for name in names]) is None


def test_vis7_reading_used_days_before_the_decision_is_found_to_overbook() -> None:
    planted = (Desk.request, Desk.confirm_by_what_was_read_before)
    assert overbooked(terms(quotas=BUSY), [planted, planted, planted]) is not None


def test_vis7_forgetting_reservations_is_found_to_overbook() -> None:
    planted = (Desk.request, Desk.confirm_counting_who_came, Desk.check_in)
    assert overbooked(terms(quotas=BUSY), [planted, planted, planted]) is not None


moves = st.sampled_from([Desk.request, Desk.confirm, Desk.check_in, Desk.check_out, Desk.cancel, Desk.no_show])
stays = st.lists(
    st.tuples(st.integers(0, 25), st.integers(0, 3)).map(
        lambda span: (
            date(2026, 3, 20) + timedelta(days=span[0]),
            date(2026, 3, 20) + timedelta(days=span[0] + span[1]),
        )
    ),
    min_size=6,
    max_size=6,
)


@given(
    st.lists(all_quotas, min_size=1, max_size=3, unique_by=lambda quota: (quota.window, quota.days)),
    stays,
    st.lists(st.tuples(st.integers(0, 5), moves), max_size=40),
    st.booleans(),
)
def test_vis7_used_stays_within_the_limit_whatever_happens(
    quotas: list[Quota], booked: list[tuple[date, date]], script: list[tuple[int, Move]], no_show_consumes: bool
) -> None:
    desk = Desk(terms(quotas=tuple(quotas), no_show_consumes=no_show_consumes), booked)
    for place, move in script:
        desk.attempt(move, place)
        for quota in quotas:
            assert oracles.fullest(quota, desk.used()) <= quota.limit


@pytest.mark.parametrize("no_show_consumes", [True, False])
@pytest.mark.parametrize("state", list(VisitState))
def test_vis6_confirmed_visits_reserve_and_cancelled_ones_never_use_a_day(
    state: VisitState, no_show_consumes: bool
) -> None:
    expected = {VisitState.CONFIRMED, VisitState.CHECKED_IN, VisitState.CHECKED_OUT}
    if no_show_consumes:
        expected.add(VisitState.NO_SHOW)
    assert (state in states_that_consume(terms(no_show_consumes=no_show_consumes))) is (state in expected)
