"""Standing from dated facts: tables of the cases that matter, and a day-by-day model to compare with."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs.standing import BadFact, Fact, FactKind, Standing, standing, standing_since, suspended
from shared.errors import Conflict
from tests.unit.clubs.samples import RECORDED, enrolled, fact, good_standing

TERM, PAID, SUSPENDED, LIFTED = FactKind.TERM, FactKind.PAID_THROUGH, FactKind.SUSPENDED, FactKind.SUSPENSION_LIFTED
EXPELLED, RESIGNED, DECEASED = FactKind.EXPELLED, FactKind.RESIGNED, FactKind.DECEASED
GRACE_DAYS = 30


def on(month: int, day: int, year: int = 2026) -> date:
    return date(year, month, day)


YEAR = fact(TERM, on(1, 1), on(12, 31))
HALF = (YEAR, fact(PAID, on(6, 30)))


@pytest.mark.parametrize(
    ("facts", "day", "expected", "since"),
    [
        ((), on(3, 1), Standing.APPLICANT, None),
        ((YEAR,), on(12, 31, 2025), Standing.APPLICANT, None),
        ((fact(PAID, on(12, 31)),), on(3, 1), Standing.APPLICANT, None),
        ((YEAR,), on(1, 1), Standing.GRACE, on(1, 1)),
        ((YEAR,), on(1, 30), Standing.GRACE, on(1, 1)),
        ((YEAR,), on(1, 31), Standing.LAPSED, on(1, 31)),
        (HALF, on(6, 30), Standing.GOOD, on(1, 1)),
        (HALF, on(7, 1), Standing.GRACE, on(7, 1)),
        (HALF, on(7, 30), Standing.GRACE, on(7, 1)),
        (HALF, on(7, 31), Standing.LAPSED, on(7, 31)),
        # Dues paid beyond the term do not lengthen it.
        ((YEAR, fact(PAID, on(12, 31, 2030))), on(1, 1, 2027), Standing.GRACE, on(1, 1, 2027)),
        ((YEAR, fact(PAID, on(12, 31, 2030))), on(1, 31, 2027), Standing.LAPSED, on(1, 31, 2027)),
        ((fact(TERM, on(1, 1)), fact(PAID, on(12, 31, 2030))), on(6, 1, 2030), Standing.GOOD, on(1, 1)),
        # A returned cheque: the record made last speaks.
        ((YEAR, fact(PAID, on(12, 31)), fact(PAID, on(3, 31))), on(4, 1), Standing.GRACE, on(4, 1)),
        ((*HALF, fact(SUSPENDED, on(2, 1), on(2, 28))), on(1, 31), Standing.GOOD, on(1, 1)),
        ((*HALF, fact(SUSPENDED, on(2, 1), on(2, 28))), on(2, 1), Standing.SUSPENDED, on(2, 1)),
        ((*HALF, fact(SUSPENDED, on(2, 1), on(2, 28))), on(2, 28), Standing.SUSPENDED, on(2, 1)),
        ((*HALF, fact(SUSPENDED, on(2, 1), on(2, 28))), on(3, 1), Standing.GOOD, on(1, 1)),
        ((*HALF, fact(SUSPENDED, on(7, 1))), on(7, 2), Standing.SUSPENDED, on(7, 1)),
        ((*HALF, fact(SUSPENDED, on(7, 1))), on(9, 2), Standing.SUSPENDED, on(7, 1)),
        ((*HALF, fact(SUSPENDED, on(2, 1)), fact(LIFTED, on(2, 10))), on(2, 9), Standing.SUSPENDED, on(2, 1)),
        ((*HALF, fact(SUSPENDED, on(2, 1)), fact(LIFTED, on(2, 10))), on(2, 10), Standing.GOOD, on(1, 1)),
        # A lift ends what was suspended before it was recorded, not what is suspended later.
        (
            (*HALF, fact(SUSPENDED, on(2, 1)), fact(LIFTED, on(2, 10)), fact(SUSPENDED, on(2, 5))),
            on(2, 11),
            Standing.SUSPENDED,
            on(2, 5),
        ),
        ((*HALF, fact(EXPELLED, on(3, 1))), on(2, 28), Standing.GOOD, on(1, 1)),
        ((*HALF, fact(EXPELLED, on(3, 1))), on(3, 1), Standing.EXPELLED, on(3, 1)),
        ((*HALF, fact(SUSPENDED, on(2, 1)), fact(DECEASED, on(3, 1))), on(3, 2), Standing.DECEASED, on(3, 1)),
        ((*HALF, fact(RESIGNED, on(3, 1))), on(3, 1), Standing.RESIGNED, on(3, 1)),
        ((*HALF, fact(RESIGNED, on(3, 1))), on(2, 28), Standing.GOOD, on(1, 1)),
        # Rejoining: a new term after the resignation, and the dues that still cover it.
        ((*HALF, fact(RESIGNED, on(3, 1)), fact(TERM, on(5, 1), on(12, 31))), on(4, 30), Standing.RESIGNED, on(3, 1)),
        ((*HALF, fact(RESIGNED, on(3, 1)), fact(TERM, on(5, 1), on(12, 31))), on(5, 1), Standing.GOOD, on(5, 1)),
        # A renewal that was entered before the resignation does not undo it.
        (
            (*HALF, fact(TERM, on(1, 1, 2027), on(12, 31, 2027)), fact(RESIGNED, on(3, 1))),
            on(2, 1, 2027),
            Standing.RESIGNED,
            on(3, 1),
        ),
    ],
)
def test_mem1_standing_on_a_day_follows_from_the_facts(
    facts: tuple[Fact, ...], day: date, expected: Standing, since: date | None
) -> None:
    assert standing_since(facts, day, GRACE_DAYS) == (expected, since)


def test_mem2_the_gap_of_a_late_renewal_stays() -> None:
    lapsed = (fact(TERM, on(1, 1, 2024), on(12, 31, 2024)), fact(PAID, on(12, 31, 2024)))
    renewed = (*lapsed, fact(TERM, on(3, 1)), fact(PAID, on(12, 31)))
    for day, expected in (
        (on(12, 31, 2024), Standing.GOOD),
        (on(1, 30, 2025), Standing.GRACE),
        (on(1, 31, 2025), Standing.LAPSED),
        (on(2, 28), Standing.LAPSED),
        (on(3, 1), Standing.GOOD),
    ):
        assert standing(renewed, day, GRACE_DAYS) is expected


def test_mem4_a_back_dated_fact_changes_nothing_that_was_known_before() -> None:
    then = datetime(2026, 4, 1, tzinfo=UTC)
    back_dated = (*good_standing(), fact(SUSPENDED, on(2, 1), recorded_at=then))
    assert standing(back_dated, on(2, 2), 0) is Standing.SUSPENDED
    assert standing(back_dated, on(2, 2), 0, known_at=then - timedelta(seconds=1)) is Standing.GOOD
    assert standing(back_dated, on(2, 2), 0, known_at=then) is Standing.SUSPENDED


def test_a_standing_at_the_end_of_the_calendar_is_still_a_standing() -> None:
    facts = (fact(TERM, date(2026, 1, 1)), fact(PAID, date.max))
    assert standing(facts, date.max, 366) is Standing.GOOD
    assert standing((fact(TERM, date.min),), date.max, 366) is Standing.LAPSED


@pytest.mark.parametrize(
    ("kind", "last", "field"),
    [(PAID, on(3, 2), "last"), (EXPELLED, on(3, 2), "last"), (TERM, on(2, 28), "last"), (SUSPENDED, on(2, 28), "last")],
)
def test_a_fact_whose_days_do_not_fit_its_kind_is_refused(kind: FactKind, last: date, field: str) -> None:
    with pytest.raises(BadFact) as refused:
        fact(kind, on(3, 1), last)
    assert refused.value.parameters["field"] == field


def test_a_fact_knows_when_it_was_recorded_in_a_zone() -> None:
    with pytest.raises(BadFact):
        Fact(kind=PAID, first=on(3, 1), recorded_at=datetime(2026, 3, 1))


EPOCH = date(2026, 1, 1)
days = st.integers(0, 60).map(lambda number: EPOCH + timedelta(days=number))
intervals = st.tuples(st.sampled_from([TERM, SUSPENDED]), days, st.integers(0, 25))
moments = st.tuples(st.sampled_from([PAID, LIFTED, EXPELLED, RESIGNED, DECEASED, PAID, LIFTED]), days)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Fact, ...]:
    """Facts in the order of recording, each of which the rules of recording allow after those before it."""
    member = enrolled()
    for step in draw(st.lists(st.one_of(intervals, moments), max_size=10)):
        last = step[1] + timedelta(days=step[2]) if len(step) == 3 else None
        at = RECORDED + timedelta(days=len(member.person().facts))
        with suppress(Conflict):
            member, _ = member.record(fact(step[0], step[1], last, at))
    return member.person().facts


def by_day(facts: tuple[Fact, ...], day: date, grace_days: int) -> Standing:
    """The same by replaying the facts in order onto a state for one day: no intervals are ever cut or compared."""
    begun: date | None = None
    last: date | None = None
    paid: date | None = None
    gone: Standing | None = None
    left: date | None = None
    suspensions: list[tuple[date, date | None]] = []
    for one in facts:
        if one.kind is PAID:
            paid = one.first
        elif one.kind is SUSPENDED:
            suspensions.append((one.first, one.last))
        elif one.first > day:
            continue
        elif one.kind is TERM:
            if begun is None or one.first > begun:
                begun, last = one.first, one.last
            left = None
        elif one.kind is LIFTED:
            suspensions = [held for held in suspensions if held[0] > one.first]
        elif one.kind is RESIGNED:
            left = one.first
        else:
            gone = Standing(one.kind.value)
    if gone or left:
        return gone or Standing.RESIGNED
    if begun is None:
        return Standing.APPLICANT
    if any(first <= day and (end is None or day <= end) for first, end in suspensions):
        return Standing.SUSPENDED
    covered = max(paid or date.min, begun - timedelta(days=1))
    covered = min(covered, last) if last else covered
    overdue = (day - covered).days
    return Standing.GOOD if overdue <= 0 else Standing.GRACE if overdue <= grace_days else Standing.LAPSED


@given(histories(), days, st.integers(0, 20))
def test_mem1_to_mem3_standing_agrees_with_a_day_by_day_model(facts: tuple[Fact, ...], day: date, grace: int) -> None:
    assert standing(facts, day, grace) is by_day(facts, day, grace)


SOME = (
    fact(TERM, on(1, 1), on(1, 20)),
    fact(TERM, on(1, 25)),
    fact(PAID, on(1, 10)),
    fact(PAID, on(1, 5)),
    fact(SUSPENDED, on(1, 8), on(1, 14)),
    fact(SUSPENDED, on(1, 4)),
    fact(LIFTED, on(1, 9)),
    fact(RESIGNED, on(1, 12)),
    fact(EXPELLED, on(1, 16)),
)
Answer = Callable[[tuple[Fact, ...], date, int], Standing]


def wrong_answer(answer: Answer) -> tuple[tuple[Fact, ...], date] | None:
    """The first short history and day on which `answer` differs from the day-by-day model, None if there is none."""
    for size in range(5):
        for tried in permutations(SOME, size):
            try:
                facts = enrolled(*tried).person().facts
            except Conflict:
                continue
            for day in range(1, 31):
                if answer(facts, on(1, day), 3) is not by_day(facts, on(1, day), 3):
                    return facts, on(1, day)
    return None


def test_mem1_standing_agrees_with_the_model_on_every_short_history() -> None:
    assert wrong_answer(standing) is None


def forgets(kind: FactKind) -> Answer:
    return lambda facts, day, grace: standing([one for one in facts if one.kind is not kind], day, grace)


def believes_the_furthest_payment(facts: tuple[Fact, ...], day: date, grace: int) -> Standing:
    return standing(sorted(facts, key=lambda one: (one.kind is PAID, one.first)), day, grace)


def ends_grace_a_day_early(facts: tuple[Fact, ...], day: date, grace: int) -> Standing:
    return standing(facts, day, grace - 1)


def sorts_by_the_day_they_speak_of(facts: tuple[Fact, ...], day: date, grace: int) -> Standing:
    return standing(sorted(facts, key=lambda one: one.first), day, grace)


@pytest.mark.parametrize(
    "planted",
    [
        *(forgets(kind) for kind in FactKind if kind is not DECEASED),
        believes_the_furthest_payment,
        ends_grace_a_day_early,
        sorts_by_the_day_they_speak_of,
    ],
)
def test_mem1_the_model_finds_a_planted_bug(planted: Answer) -> None:
    assert wrong_answer(planted) is not None


@given(histories(), days)
def test_mem1_since_is_the_first_day_of_the_present_standing(facts: tuple[Fact, ...], day: date) -> None:
    found, since = standing_since(facts, day, 10)
    if since is None:
        assert found is Standing.APPLICANT
        return
    assert since <= day
    if found in (Standing.GRACE, Standing.LAPSED) and not any(one.kind in (SUSPENDED, TERM) for one in facts[1:]):
        assert standing(facts, since, 10) is found
        assert standing(facts, since - timedelta(days=1), 10) is not found


@given(histories(), days)
def test_mem4_standing_as_known_then_ignores_what_came_later(facts: tuple[Fact, ...], day: date) -> None:
    for known in range(len(facts) + 1):
        at = RECORDED + timedelta(days=known) - timedelta(microseconds=1)
        assert standing(facts, day, 5, known_at=at) is standing(facts[:known], day, 5)


def test_mem3_a_suspension_is_reported_by_its_first_day() -> None:
    assert suspended((fact(SUSPENDED, on(2, 1), on(2, 3)),), on(2, 2)) == on(2, 1)
    assert suspended((fact(SUSPENDED, on(2, 1), on(2, 3)),), on(2, 4)) is None
