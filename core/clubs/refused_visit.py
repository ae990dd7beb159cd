"""What is told of a visit that never came to be: its refusal, and that the refused one was erased."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from core.clubs.eligibility import Verdict
from shared.events import Event

KIND = "visit"
"""Of a visit, whether it came to be or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRefused(Event):
    """A member asked for a visit that the terms do not allow; the verdict is kept, and no visit exists (rule vis0)."""

    type: ClassVar[str] = "clubs.visit_refused"
    visit_id: UUID
    host_club: UUID
    home_club: UUID
    agreement_id: UUID
    member_ref: UUID
    first_day: date
    last_day: date
    verdict: Verdict
    verdict_hash: bytes

    @property
    def parties(self) -> tuple[UUID, ...]:
        """Host and home."""
        return self.host_club, self.home_club

    @property
    def about(self) -> tuple[str, UUID, int]:
        """The visit that never came to be, at version 0."""
        return KIND, self.visit_id, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRefusalErased(Event):
    """Somebody whose visit was refused was erased: openings under that visit's id are destroyed, not tampered with."""

    type: ClassVar[str] = "clubs.visit_refusal_erased"
    visit_id: UUID
    host_club: UUID
    home_club: UUID

    @property
    def parties(self) -> tuple[UUID, ...]:
        """Host and home."""
        return self.host_club, self.home_club

    @property
    def about(self) -> tuple[str, UUID, int]:
        """The visit that never came to be, after its refusal."""
        return KIND, self.visit_id, 1
