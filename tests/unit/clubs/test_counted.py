"""Which days of other visits bear on a verdict: those that some quota counts beside the stay, and no others."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs.quota import counted, overrun
from core.clubs.terms import Quota
from tests.unit.clubs import oracles
from tests.unit.clubs.test_quota import MONTH, QUARTER, ROLLING, YEAR, all_quotas, near


@given(st.lists(all_quotas, max_size=3), st.lists(near, max_size=8), near, st.integers(1, 10))
def test_vis1_days_that_no_window_counts_beside_the_stay_do_not_bear_on_the_verdict(
    quotas: list[Quota], consumed: list[date], first: date, length: int
) -> None:
    last = first + timedelta(days=length - 1)
    bearing = counted(quotas, consumed, first, last)
    for quota in quotas:
        assert overrun(quota, bearing, first, last) == overrun(quota, consumed, first, last)
    assert bearing == [day for day in consumed if any(_beside(quota, day, first, last) for quota in quotas)]


def _beside(quota: Quota, day: date, first: date, last: date) -> bool:
    """Would the day and one of the stay be too many for a window with room for one?"""
    single = Quota(window=quota.window, limit=1, days=quota.days)
    return any(not oracles.fits(single, [day], each, each) for each in oracles.stay(first, last))


@pytest.mark.parametrize("edge", [date.min, date.max])
def test_days_are_counted_up_to_both_ends_of_the_calendar(edge: date) -> None:
    for quota in (MONTH, QUARTER, YEAR, ROLLING):
        assert counted([quota], [date.min, date.max], edge, edge) == [edge]
