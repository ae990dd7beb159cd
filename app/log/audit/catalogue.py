"""What the audit has to know of the modules: their events, and what they keep beside their aggregates."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from app.log.audit.scene import Known, Scene
from core.log.audit.recall import kinds_of
from ports.audit import AuditedLog
from shared.events import Aggregate, Event


class Beside(Protocol):
    """Checks the rows that a module keeps beside its aggregates and that follow from them; made anew for each run."""

    async def survey(self, look: AuditedLog, club: UUID) -> None:
        """Called for every club of the network before any is audited: what other clubs' rows follow from."""

    async def window(self, scene: Scene, kind: str, known: Sequence[Known]) -> None:
        """Aggregates of one kind with the state that the log proves."""

    async def finish(self, scene: Scene) -> None:
        """After the last aggregate of a club: what is there and should not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A module's part: every event that it emits, those that erase the subject that they are about, what is beside."""

    events: tuple[type[Event], ...]
    erasures: frozenset[str] = frozenset()
    beside: tuple[Callable[[], Beside], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All modules together. `consumers` are those that pending rows may wait for."""

    consumers: frozenset[str]
    events: Mapping[str, type[Event]]
    kinds: Mapping[str, type[Aggregate]]
    erasures: frozenset[str]
    beside: tuple[Callable[[], Beside], ...] = field(default=())

    @classmethod
    def of(cls, modules: Iterable[Audited], consumers: frozenset[str]) -> "Catalogue":
        modules = tuple(modules)
        events = tuple(event for module in modules for event in module.events)
        return cls(
            consumers=consumers,
            events={event.type: event for event in events},
            kinds=kinds_of(events),
            erasures=frozenset[str]().union(*(module.erasures for module in modules)),
            beside=tuple(each for module in modules for each in module.beside),
        )
