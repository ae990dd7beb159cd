"""Checkers that know nothing of how the core counts: they look at every window, and try every set of broken rules."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations, product
from typing import Any

from core.clubs.eligibility import Facts, Verdict
from core.clubs.quota import overrun
from core.clubs.standing import FactKind
from core.clubs.terms import AgreementStatus, Quota, Terms, Window
from tests.unit.clubs.samples import fact, facts, terms, verdict

Fits = Callable[[Quota, Sequence[date], date, date], bool]
Judge = Callable[[Terms, Facts], Verdict]

MONTH_END, YEAR_END = date(2026, 3, 28), date(2025, 12, 28)
"""First days to count from, so that a few days further on a month, a quarter or a year turns."""


def stay(first: date, last: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def fullest(quota: Quota, days: Iterable[date]) -> int:
    """How many of the days, counted as often as they stand there, lie in the fullest window of the quota."""
    counted = list(days)
    if quota.days is None:
        return max(Counter(_calendar_window(quota, day) for day in counted).values(), default=0)
    length = quota.days
    return max((sum(0 <= (day - first).days < length for day in counted) for first in counted), default=0)


def fits(quota: Quota, consumed: Sequence[date], first: date, last: date) -> bool:
    """The core's own answer."""
    return overrun(quota, consumed, first, last) is None


def wrong_answer(answer: Fits) -> tuple[Quota, list[date], date, date] | None:
    """The first small case in which `answer` differs from looking at every window, None if there is none.

    A stay fits if the days of the others fit, and still do with the days of the stay among them.
    """
    for start, quota, consumed in _small_cases():
        for first, length in product(range(6), (1, 2, 4)):
            days = stay(start + timedelta(days=first), start + timedelta(days=first + length - 1))
            expected = fullest(quota, [*consumed, *days]) <= quota.limit
            if answer(quota, consumed, days[0], days[-1]) is not expected:
                return quota, consumed, days[0], days[-1]
    return None


BROKEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "agreement/suspended": ({}, {"agreement_status": AgreementStatus.SUSPENDED}),
    "member/not-in-good-standing": ({}, {"standing_facts": (fact(FactKind.TERM, date(2020, 1, 1)),)}),
    "visit/category": ({}, {"category": "country"}),
    "visit/distance from club": ({}, {"distance_from_club_metres": 89_999}),
    "visit/distance from residence": ({}, {"distance_from_residence_metres": 40_000}),
    "visit/quota-exceeded month": ({}, {"consumed": tuple(date(2026, 3, day) for day in (2, 3, 4, 5))}),
    "visit/quota-exceeded rolling": (
        {"quotas": (*terms().quotas, Quota(window=Window.ROLLING_DAYS, limit=1, days=365))},
        {"consumed": (date(2026, 3, 2),)},
    ),
}
"""For each rule what to change of the terms and of the facts so that a visit fails it and no other."""


def missed_rules(judge: Judge) -> tuple[set[str], list[str]] | None:
    """The first set of broken rules that a verdict does not name exactly, with what it named; None if there is none."""
    for size in range(len(BROKEN) + 1):
        for broken in combinations(BROKEN, size):
            agreed, found = terms(), facts()
            for rule in broken:
                of_terms, of_facts = BROKEN[rule]
                # The longest list of used days breaks both quotas, which is what the larger set asks for.
                if "consumed" in of_facts:
                    of_facts = {"consumed": max(of_facts["consumed"], found.consumed, key=len)}
                agreed, found = replace(agreed, **of_terms), replace(found, **of_facts)
            given = judge(agreed, found)
            expected = sorted(rule.split(" ")[0] for rule in broken)
            if sorted(given.codes) != expected or given.eligible is not (not broken):
                return set(broken), list(given.codes)
    return None


def judge_with_the_core(agreed: Terms, found: Facts) -> Verdict:
    return verdict(found, agreed=agreed)


def _small_cases() -> Iterator[tuple[date, Quota, list[date]]]:
    rolling = [
        Quota(window=Window.ROLLING_DAYS, limit=limit, days=days) for days, limit in product((1, 2, 3, 5), (1, 2, 3))
    ]
    windows = (Window.CALENDAR_MONTH, Window.CALENDAR_QUARTER, Window.CALENDAR_YEAR)
    calendar = [Quota(window=window, limit=limit) for window, limit in product(windows, (1, 2, 3))]
    for start, quota in [*product((MONTH_END,), rolling + calendar), *product((YEAR_END,), calendar)]:
        for size in range(4):
            for offsets in combinations(range(-1, 8), size):
                consumed = [start + timedelta(days=offset) for offset in offsets]
                if fullest(quota, consumed) <= quota.limit:
                    yield start, quota, consumed


def _calendar_window(quota: Quota, day: date) -> tuple[int, int]:
    return {
        Window.CALENDAR_MONTH: (day.year, day.month),
        Window.CALENDAR_QUARTER: (day.year, (day.month + 2) // 3),
        Window.CALENDAR_YEAR: (day.year, 0),
    }[quota.window]
