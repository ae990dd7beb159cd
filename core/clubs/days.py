"""Instants as days of a club's calendar (rule sh2): quotas, windows and terms count days of the host's IANA zone."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.errors import Invalid

LONGEST_STAY_DAYS = 31

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_NOT_ZONES = {"localtime", "Factory", "posixrules"}


class UnknownZone(Invalid):
    """The text names no zone of the IANA database. Parameter: field."""

    code = "club/unknown-zone"
    title = "This is not the name of an IANA time zone."


class BadStay(Invalid):
    """Days that no visit may have. Parameters: field, reason."""

    code = "visit/bad-stay"
    title = "A visit cannot have these days."


def zone_name(text: str, field: str = "zone") -> str:
    """`text` if it names an IANA zone; raises UnknownZone."""
    if _ZONE.fullmatch(text) is None or text in _NOT_ZONES:
        raise UnknownZone(field=field)
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(field=field) from None
    return text


def local_date(at: datetime, zone: str) -> date:
    """The day that the clocks of `zone` show at the instant `at`; raises ValueError for a naive instant."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return at.astimezone(ZoneInfo(zone)).date()


def last_date_before(end: datetime, zone: str) -> date:
    """The last day of `zone` that begins before `end`: the days up to it, and no others, begin in time."""
    return local_date(end - timedelta(microseconds=1), zone)


def check_stay(first_day: date, last_day: date) -> None:
    """Raises BadStay unless the days, both included, are 1 to 31: whatever counts days relies on the bound."""
    if last_day < first_day:
        raise BadStay(field="last_day", reason="before first_day")
    if (last_day - first_day).days >= LONGEST_STAY_DAYS:
        raise BadStay(field="last_day", reason=f"more than {LONGEST_STAY_DAYS} days")


def date_or_none(ordinal: int) -> date | None:
    """The date of a proleptic ordinal, None outside the calendar: day arithmetic stays total at its edges."""
    return date.fromordinal(ordinal) if 1 <= ordinal <= date.max.toordinal() else None
