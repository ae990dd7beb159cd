"""Instants as days of a club's calendar (rule sh2): quotas, windows and terms count days of the host's IANA zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.errors import Invalid

LONGEST_STAY_DAYS = 31
MIDNIGHT = "00:00"

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_NOT_ZONES = {"localtime", "Factory", "posixrules"}
# Copies of the database that some machines keep beside it: a club in one of them could be kept on no other machine.
_COPIES = ("posix/", "right/")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_NOON = time(12)


class UnknownZone(Invalid):
    """The text names no zone of the IANA database. Parameter: field."""

    code = "club/unknown-zone"
    title = "This is not the name of an IANA time zone."


class BadTimeOfDay(Invalid):
    """The text is no time of day, 00:00 to 23:59. Parameter: field."""

    code = "club/bad-time-of-day"
    title = "This is not a time of day such as 23:30."


class BadStay(Invalid):
    """Days that no visit may have. Parameters: field, reason."""

    code = "visit/bad-stay"
    title = "A visit cannot have these days."


def zone_name(text: str, field: str = "zone") -> str:
    """`text` if it names an IANA zone; raises UnknownZone."""
    if _ZONE.fullmatch(text) is None or text in _NOT_ZONES or text.startswith(_COPIES):
        raise UnknownZone(field=field)
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(field=field) from None
    return text


def time_of_day(text: str, field: str) -> str:
    """`text` if it is a time of day; raises BadTimeOfDay."""
    if _TIME_OF_DAY.fullmatch(text) is None:
        raise BadTimeOfDay(field=field)
    return text


def local_date(at: datetime, zone: str) -> date:
    """The day that the clocks of `zone` show at the instant `at`; raises ValueError for a naive instant."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return at.astimezone(ZoneInfo(zone)).date()


def last_date_before(end: datetime, zone: str) -> date:
    """The last day of `zone` that begins before `end`: the days up to it, and no others, begin in time."""
    return local_date(end - timedelta(microseconds=1), zone)


def closing(day: date, closing_time: str, zone: str) -> datetime:
    """The instant at which a house in `zone` closes after `day`; a time before noon is that of the following night.

    Where clocks go back, a time that they show twice is the first of the two; where they go forward, a time that they
    skip is counted on from before the change.
    """
    at = time.fromisoformat(closing_time)
    night = day + timedelta(days=1) if at < _NOON else day
    return datetime.combine(night, at, ZoneInfo(zone)).astimezone(UTC)


def last_closed(at: datetime, closing_time: str, zone: str) -> date:
    """The newest day after which the house has closed by `at`."""
    today = local_date(at, zone)
    days = (today - timedelta(days=ago) for ago in range(3))
    # Three days on it has closed in any case, even where a zone crossed the date line and skipped one of them.
    return next((day for day in days if closing(day, closing_time, zone) <= at), today - timedelta(days=3))


def closing_after(day: date, at: datetime, closing_time: str, zone: str) -> datetime:
    """The first closing that is later than `at`, of `day` or a later one."""
    return closing(max(day, last_closed(at, closing_time, zone) + timedelta(days=1)), closing_time, zone)


def check_stay(first_day: date, last_day: date) -> None:
    """Raises BadStay unless the days, both included, are 1 to 31: whatever counts days relies on the bound."""
    if last_day < first_day:
        raise BadStay(field="last_day", reason="before first_day")
    if (last_day - first_day).days >= LONGEST_STAY_DAYS:
        raise BadStay(field="last_day", reason=f"more than {LONGEST_STAY_DAYS} days")


def date_or_none(ordinal: int) -> date | None:
    """The date of a proleptic ordinal, None outside the calendar: day arithmetic stays total at its edges."""
    return date.fromordinal(ordinal) if 1 <= ordinal <= date.max.toordinal() else None
