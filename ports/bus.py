"""The event bus: what happened, told to whoever subscribed, at least once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.canonical import Json
from shared.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event as the bus carries it; nothing personal is in it. `clubs` are the parties, the acting one first."""

    id: UUID
    type: str
    at: datetime
    clubs: tuple[UUID, ...]
    aggregate: str
    aggregate_id: UUID
    version: int
    facts: dict[str, Json]


Handler = Callable[[Message], Awaitable[None]]


class BusUnavailable(Unavailable):
    """The bus does not take messages now; a retry is safe."""

    code = "bus/unavailable"
    title = "The event bus does not answer."


class Bus(Protocol):
    """Delivers at least once to each consumer; a consumer is idempotent through its inbox.

    MUST deliver messages of one aggregate to one consumer in the order they were published. A handler that raises gets
    the message again (5 tries with backoff), then it is parked, and later messages of other aggregates flow on.
    """

    def subscribe(self, consumer: str, types: frozenset[str], handler: Handler) -> None:
        """Before `start`; `consumer` names the durable subscription."""

    async def publish(self, message: Message) -> None:
        """Returns once the message is as durable as the bus makes it; the same id again may be delivered again."""

    async def check(self) -> None:
        """Raises BusUnavailable when it does not answer."""
