"""Messages that a consumer could not handle: kept, in the club that acted, until somebody looks after them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ports.bus import Message
from shared.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedMessage:
    """`error` is a code, or the name of a class where there is none; `at` is when it was parked."""

    club: UUID
    consumer: str
    event_id: UUID
    type: str
    error: str
    at: datetime


class NotParked(NotFound):
    """Nothing of this event is parked, or not for this consumer. Parameters: event_id, consumer."""

    code = "bus/not-parked"
    title = "No such message is parked."


class NoSuchConsumer(NotFound):
    """No module that is installed here subscribes under this name. Parameter: consumer."""

    code = "bus/no-such-consumer"
    title = "No module subscribes as this consumer."


class Parking(Protocol):
    """What is parked, of all clubs: it holds ids, names and codes, and nothing that a person could be known by."""

    async def add(self, consumer: str, message: Message, error: str) -> None:
        """Keep a message, from now on; one that is kept already stays as it is."""

    async def list(self) -> Sequence[ParkedMessage]:
        """All of it, what was parked first in front."""

    async def of(self, event_id: UUID) -> Sequence[ParkedMessage]:
        """What is parked of this event, in order of consumers."""

    async def counts(self) -> Mapping[str, int]:
        """How many messages are parked, by consumer; a consumer without any is not in it."""

    async def drop(self, parked: ParkedMessage) -> None:
        """Forget a message, which its consumer will never handle; no error if it is gone already."""
