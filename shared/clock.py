"""Time as the system writes it: aware UTC instants to the microsecond, spelt with a Z."""

from collections.abc import Callable
from datetime import UTC, datetime

Now = Callable[[], datetime]
"""Returns the present instant, aware and in UTC."""

Ticks = Callable[[], int]
"""Returns microseconds since whenever, which never go back: for how long something takes, and not for when it was."""


def utc_text(instant: datetime) -> str:
    """`2026-03-12T18:04:05.000000Z`; raises ValueError for a naive instant, whose meaning nobody knows."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    in_utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_utc(text: str) -> datetime:
    """The instant that `utc_text` wrote; raises ValueError for any other spelling."""
    instant = datetime.fromisoformat(text)
    if utc_text(instant) != text:
        raise ValueError("not a UTC instant in canonical text")
    return instant
