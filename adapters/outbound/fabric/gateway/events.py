"""A chaincode's events: streams of them, where a consumer stands in one, and how it goes on after an interruption."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from adapters.outbound.fabric.gateway.errors import (
    CLOSED,
    MALFORMED_EVENTS,
    UNRESOLVED,
    EventsError,
    Fault,
    TransportError,
)
from adapters.outbound.fabric.gateway.messages import ChaincodeEventsResponse
from shared.protowire import NotProtobuf, decode

PASSING = frozenset({Fault.UNAVAILABLE, Fault.OVERLOADED, Fault.NOT_READY})
"""Faults after which a stream is worth another try."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a consumer stands: everything before this block is done, and in it everything up to `transaction_id`.

    To be kept in the same transaction as the effect of the event that it belongs to.
    """

    block_number: int
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a valid transaction announced, and where it stands."""

    name: str
    payload: bytes
    transaction_id: str
    block_number: int

    @property
    def checkpoint(self) -> Checkpoint:
        """From here on, this event left out."""
        return Checkpoint(block_number=self.block_number, transaction_id=self.transaction_id)


Begun = Callable[[Checkpoint | None], AsyncIterator[bytes]]
"""Begins a stream with the block of a checkpoint, or with the next one; gives ChaincodeEventsResponses, encoded."""


async def events_of(begun: Begun, start: Checkpoint | None) -> AsyncIterator[Event]:
    """One stream, until it ends; raises EventsError.

    The Gateway can be asked to begin after a transaction, but is silent for ever when that one has no event: so the
    stream begins with the whole block, and what was seen of it is left out here.
    """
    try:
        async for message in begun(start):
            block = decode(ChaincodeEventsResponse, message)
            for event in _unseen(block, start):
                yield event
    except TransportError as error:
        raise EventsError(error) from None
    except NotProtobuf as malformed:
        cause = TransportError("INTERNAL", f"{MALFORMED_EVENTS}: {malformed.reason}")
        raise EventsError(cause) from None


async def followed(begun: Begun, start: Checkpoint) -> AsyncIterator[Event]:
    """Stream after stream, each from where the last one ended; raises EventsError for what no retry mends."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            async for event in events_of(begun, start):
                pause, start = FIRST_PAUSE_SECONDS, event.checkpoint
                yield event
        except EventsError as error:
            if not _passes(error):
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _passes(error: EventsError) -> bool:
    """Of a name without an address nobody can tell whether it is misspelt, or its name server out of order for a while:
    the stream is begun again, as it is where nobody listens at an address."""
    unresolved = any(text in error.message for text in UNRESOLVED)
    return (error.fault in PASSING or unresolved) and error.message != CLOSED


def _unseen(block: ChaincodeEventsResponse, start: Checkpoint | None) -> list[Event]:
    events = [
        Event(name=one.event_name, payload=one.payload, transaction_id=one.tx_id, block_number=block.block_number)
        for one in block.events
    ]
    if start is None or start.transaction_id is None or block.block_number != start.block_number:
        return events
    seen = [place for place, event in enumerate(events) if event.transaction_id == start.transaction_id]
    return events[seen[0] + 1 :] if seen else events
