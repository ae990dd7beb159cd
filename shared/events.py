"""The shape of a domain event: a fact, the clubs whose logs hold it, what it changed, and what of it is personal.

`Annotated[str, Personal("id")]` on a dataclass field is the only place that says a value is personal, and whose it is.
"""

from abc import abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a personal field; `subject` names the sibling field with the id under which the subject's key is kept."""

    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """What has a kind, an id and a version that rises by one with each change (rule sh1)."""

    kind: ClassVar[str]
    id: UUID
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact that happened. Fields that are aggregates are their state afterwards; all others are the fact itself.

    `event_id` is set only where the decision already needed it (a verdict is hashed under it); else emitting makes one.
    """

    type: ClassVar[str]
    event_id: UUID | None = None

    @property
    @abstractmethod
    def parties(self) -> tuple[UUID, ...]:
        """The clubs whose logs get a record, the leading one first: its origin salts the disclosures of all records."""

    @property
    def after(self) -> tuple[Aggregate, ...]:
        """The aggregates as this event left them, the one that it is about first."""
        values = (getattr(self, field.name) for field in fields(self))
        return tuple(value for value in values if isinstance(value, Aggregate))

    @property
    def about(self) -> tuple[str, UUID, int]:
        """Kind, id and version of the aggregate that it belongs to; an event that changes none overrides this."""
        first = self.after[0]
        return first.kind, first.id, first.version

    @property
    def facts(self) -> dict[str, object]:
        """What the event says beside the state that it left: every field that is no aggregate."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "event_id"}
        return {name: value for name, value in values.items() if not isinstance(value, Aggregate)}
