"""Short rounds of subject and control in turn, so that whatever else the machine does falls on both."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Round = Callable[[], Awaitable[float]]
"""Runs one round and gives its rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Rates of the rounds that count, in order."""

    subject: tuple[float, ...]
    control: tuple[float, ...]


async def alternate(subject: Round, control: Round, rounds: int) -> Rates:
    """A pair of rounds to warm up, then `rounds` pairs; which of a pair goes first changes with every pair."""
    ours, theirs = [], []
    for number in range(rounds + 1):
        if number % 2:
            ours.append(await subject())
            theirs.append(await control())
        else:
            theirs.append(await control())
            ours.append(await subject())
    return Rates(subject=tuple(ours[1:]), control=tuple(theirs[1:]))
