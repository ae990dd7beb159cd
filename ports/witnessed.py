"""What this deployment's witness has cosigned: of each log that it follows, the newest checkpoint."""

from dataclasses import dataclass
from typing import Protocol

from core.log.checkpoints import Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """A checkpoint with the signed note that it came in: with another one of the same size it proves a fork."""

    checkpoint: Checkpoint
    note: str


class WitnessedHeads(Protocol):
    """They belong to the deployment and to no club: the logs are other operators'.

    `move` MUST be atomic and MUST be durable when it returns True: a cosignature that a crash forgets may be followed
    by one of another history.
    """

    async def get(self, origin: str) -> Witnessed | None:
        """The newest checkpoint of this log; None before the first."""

    async def move(self, old: Checkpoint | None, new: Witnessed) -> bool:
        """Keep `new` if `old` is the newest one kept; else change nothing and return False."""
