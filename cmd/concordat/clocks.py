"""The clock, the ids and the randomness of the running system; everything further in is given these as callables."""

import secrets
from datetime import UTC, datetime, timedelta
from time import monotonic_ns
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.clock import Now


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


def ahead(days: int) -> Now:
    """The present instant so many days later: what takes weeks can be tried out today."""
    return lambda: now() + timedelta(days=days)


def ticks() -> int:
    """Microseconds of the system's own monotonic clock."""
    return monotonic_ns() // 1000


def new_id() -> UUID:
    """A new UUIDv7: ids are in the order in which they were made."""
    return uuid7()


def random_bytes(count: int) -> bytes:
    """From the operating system."""
    return secrets.token_bytes(count)
