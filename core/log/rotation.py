"""The exchange of a log's key as an event: from which size on which key signs, for everybody who reads the log."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from shared.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRotated(Event):
    """From `from_size` leaves on, checkpoints need `key`, the log's `number`-th; up to there, they needed `before`.

    Both keys are public, as `name+hash+base64`.
    """

    type: ClassVar[str] = "log.key_rotated"
    club: UUID
    number: int
    from_size: int
    key: str
    before: str

    @property
    def parties(self) -> tuple[UUID, ...]:
        """The club whose log it is."""
        return (self.club,)

    @property
    def about(self) -> tuple[str, UUID, int]:
        """The key, by its number: no aggregate changes."""
        return "log_key", self.club, self.number
