"""Rates: how often somebody may do something, decided one request at a time."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`quota` units at once, and as many again, evenly, in every `window_seconds`. Clients are told the `name`."""

    name: str
    quota: int
    window_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a wish for units, and how things stand after it.

    `remaining` units could be taken now; after `reset_seconds` all of the quota could. A wish that was refused would be
    `allowed` after `retry_seconds`, which are 0 for one that was not.
    """

    policy: Policy
    allowed: bool
    remaining: int
    reset_seconds: float
    retry_seconds: float


class Rates(Protocol):
    """Counts by the generic cell rate algorithm: a unit takes window / quota to come back, whenever it was taken.

    MUST decide atomically on a key: however many ask at once, no more units are given than there are. MUST take
    nothing where it refuses. MUST keep keys apart, and one key under two policies too. MUST bound what it keeps: a key
    MAY be forgotten, the one that nobody asked about for longest. MUST NOT be relied on to survive anything.
    """

    async def take(self, policy: Policy, key: str, cost: int = 1) -> Taken:
        """Take `cost` units of the key's, or none; raises ValueError for a cost that is not 1 to the quota."""
