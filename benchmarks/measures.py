"""What was measured: rounds of a subject and its control as a ratio, or of a figure alone, and whether a goal is met.

Medians and quartiles, since one round on a busy machine may be worth nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Protocol

Spread = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is aimed at: at least this, or at most this."""

    value: float
    at_most: bool = False

    def met_by(self, value: float) -> bool:
        return value <= self.value if self.at_most else value >= self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Rates of subject and control, round by round: the two of a round ran next to each other."""

    name: str
    unit: str
    subject: Sequence[float]
    control: Sequence[float]
    goal: Goal
    notes: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.subject or len(self.subject) != len(self.control):
            raise ValueError("each round has a subject and a control")

    @property
    def ratios(self) -> list[float]:
        """Subject by control of each round, so that a slow minute counts for both."""
        return [ours / theirs for ours, theirs in zip(self.subject, self.control, strict=True)]

    @property
    def value(self) -> float:
        return median(self.ratios)

    @property
    def spread(self) -> Spread:
        return quartiles(self.ratios)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Rounds of something that has no control."""

    name: str
    unit: str
    rounds: Sequence[float]
    goal: Goal | None = None
    notes: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.rounds:
            raise ValueError("a figure needs a round")

    @property
    def value(self) -> float:
        return median(self.rounds)

    @property
    def spread(self) -> Spread:
        return quartiles(self.rounds)


class Measured(Protocol):
    """What both have in common."""

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def goal(self) -> Goal | None: ...
    @property
    def notes(self) -> Mapping[str, object]: ...
    @property
    def value(self) -> float: ...
    @property
    def spread(self) -> Spread: ...


def met(measured: Measured) -> bool | None:
    """Whether the goal is met; None where there is none."""
    return None if measured.goal is None else measured.goal.met_by(measured.value)


def quartiles(values: Sequence[float]) -> Spread:
    """The lower and the upper quartile: between them lies the middle half of the rounds."""
    if len(values) == 1:
        return values[0], values[0]
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    return lower, upper
