"""Which of several peers the next call begins at: the first that can be relied on, in the order that they are named."""

from collections.abc import Sequence

CHECK_SECONDS = 20.0
"""Between two checks of the peers that are preferred to the current one."""

CHECKS, MOST_CHECKS = 3, 48
"""How many a peer must have answered in a row. One that has just begun knows neither the other peers nor the newest
blocks: it would refuse what its substitute takes."""

SOON_SECONDS = 600.0
"""Whoever is left again so soon answers checks and nothing else, and has to answer twice as many the next time."""


class Preference:
    """Begins with the first of so many peers. Places are counted from 0, times are a monotonic clock's seconds."""

    def __init__(self, peers: int) -> None:
        self.current = 0
        self._answered = [0] * peers
        self._needed = CHECKS
        self._returned = float("-inf")

    def leave(self, place: int, now: float) -> None:
        """The peer at this place failed: the next one takes its place, unless another one has it already."""
        if self.current != place:
            return
        self.current = (place + 1) % len(self._answered)
        self._answered[place] = 0
        soon = now - self._returned < SOON_SECONDS
        self._needed = min(2 * self._needed, MOST_CHECKS) if soon else CHECKS

    def note(self, answers: Sequence[bool], now: float) -> None:
        """Whether each peer answered a check, from the first one on; the first that did so often enough is current."""
        for place, answered in enumerate(answers):
            self._answered[place] = self._answered[place] + 1 if answered else 0
        for place in range(self.current):
            if self._answered[place] >= self._needed:
                self.current, self._returned = place, now
                return
