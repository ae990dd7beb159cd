"""Attempts to anchor, in memory: a dictionary keeps every promise but that of outliving its process."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ports.attempts import Attempt


@dataclass
class MemoryAttempts:
    """Implements ports.attempts.Attempts; two ledgers may share it, as two workers share a database."""

    kept: dict[tuple[bytes, int], Attempt] = field(default_factory=dict)

    async def newest(self, round: bytes) -> Attempt | None:
        numbers = [number for of, number in self.kept if of == round]
        return self.kept[round, max(numbers)] if numbers else None

    async def unsettled(self) -> Sequence[Attempt]:
        return [each for each in self.kept.values() if each.outcome is None]

    async def keep(self, attempt: Attempt) -> Attempt:
        return self.kept.setdefault((attempt.round, attempt.number), attempt)

    async def settle(self, attempt: Attempt, outcome: int) -> None:
        kept = self.kept[attempt.round, attempt.number]
        self.kept[attempt.round, attempt.number] = kept if kept.outcome is not None else replace(kept, outcome=outcome)
