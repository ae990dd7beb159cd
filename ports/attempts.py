"""Transactions that were signed for a ledger and may be on their way: kept until what became of them is certain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

REFUSED = -1
"""The outcome of a transaction that was refused for good before it could be in any block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The `number`-th transaction (from 0) for one round of checkpoints, as its signed bytes.

    `round` is a hash (32 bytes) of what the transaction brings. `outcome` is the ledger's own code (0: valid), REFUSED,
    or None as long as nobody knows.
    """

    round: bytes
    number: int
    tx_id: str
    envelope: bytes
    outcome: int | None = None


class Attempts(Protocol):
    """MUST be durable when `keep` and `settle` return: what is not kept before it is sent can be lost, or done twice.

    They belong to the deployment and to no club; they hold nothing but what the ledger is told anyway.
    """

    async def newest(self, round: bytes) -> Attempt | None:
        """The attempt of the highest number for this round."""

    async def unsettled(self) -> Sequence[Attempt]:
        """Those without an outcome, oldest first."""

    async def keep(self, attempt: Attempt) -> Attempt:
        """Keep it, unless there is one of the same round and number; returns what is kept, so that two agree."""

    async def settle(self, attempt: Attempt, outcome: int) -> None:
        """Note what became of it; an outcome that is noted already stays."""
