"""Other operators' witnesses: each is asked to cosign a checkpoint, by C2SP tlog-witness."""

from typing import Protocol

from core.log.cosigning import AddCheckpoint
from shared.errors import Conflict, Unavailable


class WitnessUnavailable(Unavailable):
    """The witness does not answer, in time or at all, or answers what no witness says. Parameters: url, reason."""

    code = "witness/unavailable"
    title = "The witness does not answer."


class WitnessRefused(Conflict):
    """The witness does not cosign this. Parameters: url, status (400, 403, 404 or 422)."""

    code = "witness/refused"
    title = "The witness refused the checkpoint."

    def __init__(self, *, url: str, status: int) -> None:
        super().__init__(url=url, status=status)
        self.status = status


class WitnessHolds(Conflict):
    """The witness holds another checkpoint than the request builds on. Parameters: url, size (leaves)."""

    code = "witness/holds-another"
    title = "The witness holds another checkpoint."

    def __init__(self, *, url: str, size: int) -> None:
        super().__init__(url=url, size=size)
        self.size = size


class Cosigners(Protocol):
    """MUST answer or raise within seconds, whatever the other side does, and MUST NOT read an answer without end."""

    async def add_checkpoint(self, url: str, request: AddCheckpoint) -> str:
        """The signature lines that the witness at this submission prefix answered, none of them checked.

        Raises WitnessUnavailable, WitnessRefused, WitnessHolds.
        """
