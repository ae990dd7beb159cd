"""Counting visited days against a quota's windows (rules vis6 and vis7), calendar ones and rolling ones."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from core.clubs.days import date_or_none
from core.clubs.terms import Quota, Window

MONTHS_BY_WINDOW = {Window.CALENDAR_MONTH: 1, Window.CALENDAR_QUARTER: 3, Window.CALENDAR_YEAR: 12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """The earliest window that a stay would overfill. `used` leaves the stay's own `requested` days in it out.

    `resets_at` is the first day on which a day of the window counts no more: the next calendar window's first, or the
    day on which the oldest used day leaves the rolling window; None where waiting does not help.
    """

    used: int
    requested: int
    resets_at: date | None


def overrun(quota: Quota, consumed: Sequence[date], first_day: date, last_day: date) -> Overrun | None:
    """What keeps the stay from fitting the quota, None if it fits.

    `consumed` has a day once for every other visit that uses it: two visits on one day are two visited days.
    """
    days = sorted(day.toordinal() for day in consumed)
    stay = range(first_day.toordinal(), last_day.toordinal() + 1)
    for first, last in _windows(quota, first_day, last_day):
        used = bisect_right(days, last) - bisect_left(days, first)
        requested = len(range(max(first, stay.start), min(last + 1, stay.stop)))
        if used + requested > quota.limit:
            oldest = days[bisect_left(days, first)] if used else None
            return Overrun(used=used, requested=requested, resets_at=_resets_at(quota, last, oldest))
    return None


def counted(quotas: Iterable[Quota], consumed: Sequence[date], first_day: date, last_day: date) -> list[date]:
    """Those of the consumed days that some window counts beside the stay: no other bears on the verdict."""
    windows = [window for quota in quotas for window in _windows(quota, first_day, last_day)]
    if not windows:
        return []
    since, until = min(first for first, _last in windows), max(last for _first, last in windows)
    return [day for day in consumed if since <= day.toordinal() <= until]


def _resets_at(quota: Quota, last: int, oldest: int | None) -> date | None:
    if quota.days is None:
        return date_or_none(last + 1)
    return None if oldest is None else date_or_none(oldest + quota.days)


def _windows(quota: Quota, first_day: date, last_day: date) -> Iterator[tuple[int, int]]:
    """First and last day, as ordinals, of every window that holds a day of the stay, the earliest first."""
    if quota.days is not None:
        # A window may begin before the stay and end after it: bookings on both sides of the stay count together.
        for first in range(first_day.toordinal() - quota.days + 1, last_day.toordinal() + 1):
            yield first, first + quota.days - 1
        return
    months = MONTHS_BY_WINDOW[quota.window]
    for period in range(_period(first_day, months), _period(last_day, months) + 1):
        yield _first_of(period * months), _first_of((period + 1) * months) - 1


def _period(day: date, months: int) -> int:
    return (day.year * 12 + day.month - 1) // months


def _first_of(month: int) -> int:
    """The ordinal of a month's first day, months counted from January of year 0; one past the end for year 10000."""
    year, place = divmod(month, 12)
    return date(year, place + 1, 1).toordinal() if year <= date.max.year else date.max.toordinal() + 1
