"""The embedded event bus: whoever publishes delivers, inside the one process that there is."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from ports.bus import Handler, Message
from shared.canonical import dumps, plain
from shared.errors import Invalid

LARGEST_MESSAGE = 1 << 20
USUAL_DELAYS = (0.02, 0.1, 0.5, 2.0)

Park = Callable[[str, Message, Exception], Awaitable[None]]
"""Keeps what a consumer cannot handle, with the last error: (consumer, message, error)."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits that many seconds."""


class MessageTooLarge(Invalid):
    """A message is over a mebibyte, which is what the distributed bus takes. Parameters: id, size_bytes."""

    code = "bus/message-too-large"
    title = "The message is too large for the event bus."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subscription:
    consumer: str
    types: frozenset[str]
    handler: Handler


class InProcessBus:
    """Implements ports.bus.Bus: `publish` returns once every consumer has handled the message or it was parked.

    Nothing is kept here, so the publisher's pending row is what makes a message durable. A handler gets one try more
    than there are `delays` (seconds); where `park` itself fails, `publish` raises what it raised.
    """

    def __init__(self, park: Park, *, delays: Sequence[float] = USUAL_DELAYS, sleep: Sleep = asyncio.sleep) -> None:
        self._park = park
        self._delays = tuple(delays)
        self._sleep = sleep
        self._subscriptions: list[_Subscription] = []
        self._turns: dict[tuple[str, str, UUID], _Turn] = {}

    def subscribe(self, consumer: str, types: frozenset[str], handler: Handler) -> None:
        """Raises ValueError for a consumer that has subscribed already."""
        if any(known.consumer == consumer for known in self._subscriptions):
            raise ValueError(f"{consumer} has subscribed already")
        self._subscriptions.append(_Subscription(consumer=consumer, types=types, handler=handler))

    async def publish(self, message: Message) -> None:
        """Raises MessageTooLarge."""
        size = len(dumps(plain(message)))
        if size > LARGEST_MESSAGE:
            raise MessageTooLarge(id=message.id, size_bytes=size)
        deliveries = [self._deliver(one, message) for one in self._subscriptions if message.type in one.types]
        # Consumers do not wait for each other: one that is tried again holds up nobody else's delivery.
        outcomes = await asyncio.gather(*deliveries, return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def check(self) -> None:
        """It answers as long as the process does."""

    async def _deliver(self, subscription: _Subscription, message: Message) -> None:
        with self._turn(subscription.consumer, message) as turn:
            async with turn.lock:
                await self._try(subscription, message)

    async def _try(self, subscription: _Subscription, message: Message) -> None:
        for delay in (*self._delays, None):
            try:
                await subscription.handler(message)
            except Exception as error:
                if delay is None:
                    await self._park(subscription.consumer, message, error)
                else:
                    await self._sleep(delay)
            else:
                return

    @contextmanager
    def _turn(self, consumer: str, message: Message) -> Iterator["_Turn"]:
        """The queue of one consumer for one aggregate; it is gone when nobody stands in it."""
        key = (consumer, message.aggregate, message.aggregate_id)
        turn = self._turns.setdefault(key, _Turn())
        turn.waiting += 1
        try:
            yield turn
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[key]


class _Turn:
    """An asyncio lock is fair: it lets in whoever asked first."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0
