"""What every implementation of ports.bus must do."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from ports.bus import Bus, Message
from shared.canonical import Json
from shared.errors import Invalid

MOMENT = datetime(2026, 3, 12, 18, 4, 5, tzinfo=UTC)
CLUB = UUID("01957f3e-8000-7000-8000-000000000001")
TRIES = 5
CHECKED_IN = frozenset({"clubs.visit_checked_in"})

Parked = Callable[[str, Message, Exception], Awaitable[None]]


def message(
    number: int, *, aggregate: int = 0, type: str = "clubs.visit_checked_in", facts: dict[str, Json] | None = None
) -> Message:
    """The message with this number; it is also its version."""
    return Message(
        id=UUID(int=(aggregate << 32) + number),
        type=type,
        at=MOMENT,
        clubs=(CLUB,),
        aggregate="visit",
        aggregate_id=UUID(int=aggregate),
        version=number,
        facts={} if facts is None else facts,
    )


class Journal:
    """A consumer that writes down what it gets, in order, and refuses what a test told it to."""

    def __init__(self) -> None:
        self.handled: list[Message] = []
        self.tried: Counter[UUID] = Counter()
        self.parked: list[tuple[str, Message, str]] = []
        self.refuse: Callable[[Message, int], bool] = lambda _message, _try: False

    async def handle(self, message: Message) -> None:
        self.tried[message.id] += 1
        await asyncio.sleep(0)
        if self.refuse(message, self.tried[message.id]):
            raise RuntimeError(f"refused {message.version}")
        self.handled.append(message)

    async def park(self, consumer: str, message: Message, error: Exception) -> None:
        self.parked.append((consumer, message, str(error)))

    @property
    def versions(self) -> list[int]:
        return [message.version for message in self.handled]


class BusContract:
    """A backend brings `make`, with no time between tries, and `settle`, where delivery goes on after `publish`."""

    async def make(self, park: Parked) -> Bus:
        raise NotImplementedError

    async def settle(self, bus: Bus, done: Callable[[], bool]) -> None:
        """Returns once `done`, or when it will not come true any more."""
        raise NotImplementedError

    async def test_a_message_reaches_every_consumer_of_its_type_and_no_other(self) -> None:
        first, second, other = Journal(), Journal(), Journal()
        bus = await self.make(first.park)
        bus.subscribe("first", CHECKED_IN, first.handle)
        bus.subscribe("second", CHECKED_IN | {"clubs.club_founded"}, second.handle)
        bus.subscribe("other", frozenset({"clubs.club_founded"}), other.handle)
        said = message(1, facts={"distance_km": 12, "names": ["a", None, True], "deep": {"x": {}}})
        await bus.publish(said)
        await self.settle(bus, lambda: bool(first.handled and second.handled))
        assert (first.handled, second.handled, other.handled) == ([said], [said], [])
        await bus.check()

    async def test_a_type_that_nobody_listens_to_is_taken_all_the_same(self) -> None:
        bus = await self.make(Journal().park)
        await bus.publish(message(1, type="clubs.unheard_of"))

    async def test_a_consumer_subscribes_once(self) -> None:
        journal = Journal()
        bus = await self.make(journal.park)
        bus.subscribe("one", CHECKED_IN, journal.handle)
        with pytest.raises(ValueError, match="one"):
            bus.subscribe("one", CHECKED_IN, journal.handle)

    async def test_messages_of_an_aggregate_arrive_in_order_also_when_published_at_once(self) -> None:
        journal = Journal()
        journal.refuse = lambda message, tried: message.version % 3 == 0 and tried < 3
        bus = await self.make(journal.park)
        bus.subscribe("one", CHECKED_IN, journal.handle)
        await asyncio.gather(*(bus.publish(message(n, aggregate=a)) for n in range(1, 41) for a in range(3)))
        await self.settle(bus, lambda: len(journal.handled) >= 120)
        for aggregate in range(3):
            mine = [one.version for one in journal.handled if one.aggregate_id == UUID(int=aggregate)]
            assert list(dict.fromkeys(mine)) == list(range(1, 41)), aggregate
        assert journal.parked == []

    async def test_a_failing_handler_gets_the_message_again_and_succeeds_at_the_last_try(self) -> None:
        journal = Journal()
        journal.refuse = lambda _message, tried: tried < TRIES
        bus = await self.make(journal.park)
        bus.subscribe("one", CHECKED_IN, journal.handle)
        await bus.publish(message(1))
        await self.settle(bus, lambda: bool(journal.handled))
        assert (journal.versions, journal.tried[message(1).id], journal.parked) == ([1], TRIES, [])

    async def test_what_a_consumer_cannot_handle_is_parked_and_everything_else_flows_on(self) -> None:
        journal, other = Journal(), Journal()
        journal.refuse = lambda message, _try: message.aggregate_id == UUID(int=0) and message.version == 2
        bus = await self.make(journal.park)
        bus.subscribe("one", CHECKED_IN, journal.handle)
        bus.subscribe("other", CHECKED_IN, other.handle)
        for number in (1, 2, 3):
            for aggregate in (0, 1):
                await bus.publish(message(number, aggregate=aggregate))
        await self.settle(bus, lambda: len(other.handled) >= 6 and len(journal.handled) >= 5 and bool(journal.parked))
        assert journal.parked == [("one", message(2), "refused 2")]
        assert journal.tried[message(2).id] == TRIES
        assert sorted(one.version for one in journal.handled if one.aggregate_id == UUID(int=1)) == [1, 2, 3]
        assert len(other.handled) == 6

    async def test_a_consumer_that_is_tried_again_holds_up_no_other_aggregate_and_no_other_consumer(self) -> None:
        stuck, free = Journal(), Journal()
        let_go = asyncio.Event()

        async def wait_for_release(message: Message) -> None:
            if message.aggregate_id == UUID(int=0):
                await let_go.wait()
            await stuck.handle(message)

        bus = await self.make(stuck.park)
        bus.subscribe("stuck", CHECKED_IN, wait_for_release)
        bus.subscribe("free", CHECKED_IN, free.handle)
        publishing = asyncio.gather(*(bus.publish(message(1, aggregate=number)) for number in range(3)))
        await self.settle(bus, lambda: len(free.handled) >= 3 and len(stuck.handled) >= 2)
        assert len(free.handled) == 3
        assert {one.aggregate_id for one in stuck.handled} == {UUID(int=1), UUID(int=2)}
        let_go.set()
        await publishing
        await self.settle(bus, lambda: len(stuck.handled) >= 3)
        assert len(stuck.handled) == 3

    async def test_the_same_message_again_is_dropped_or_delivered_again(self) -> None:
        journal = Journal()
        bus = await self.make(journal.park)
        bus.subscribe("one", CHECKED_IN, journal.handle)
        for number in (1, 1, 2):
            await bus.publish(message(number))
        await self.settle(bus, lambda: 2 in journal.versions)
        assert journal.versions in ([1, 2], [1, 1, 2])

    async def test_a_message_of_two_megabytes_is_refused_and_one_of_half_a_megabyte_is_not(self) -> None:
        journal = Journal()
        bus = await self.make(journal.park)
        bus.subscribe("one", CHECKED_IN, journal.handle)
        with pytest.raises(Invalid):
            await bus.publish(message(1, facts={"text": "x" * 2_000_000}))
        await bus.publish(message(2, facts={"text": "x" * 500_000}))
        await self.settle(bus, lambda: bool(journal.handled))
        assert journal.versions == [2]
