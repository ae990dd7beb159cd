"""The embedded bus keeps the promises of the port; and planted bugs are reported."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from adapters.outbound.inprocess.bus import InProcessBus
from ports.bus import Bus, Message
from tests.contracts.bus import CHECKED_IN, TRIES, BusContract, Journal, Parked, message

NO_DELAYS = (0.0,) * (TRIES - 1)


class TestInProcessBus(BusContract):
    async def make(self, park: Parked) -> InProcessBus:
        return InProcessBus(park, delays=NO_DELAYS)

    async def settle(self, bus: Bus, done: Callable[[], bool]) -> None:
        for _turn in range(200):
            if done():
                return
            await asyncio.sleep(0)

    async def test_publishing_returns_only_once_every_consumer_is_done(self) -> None:
        journal = Journal()
        bus = await self.make(journal.park)
        bus.subscribe("one", CHECKED_IN, journal.handle)
        bus.subscribe("two", CHECKED_IN, journal.handle)
        await bus.publish(message(1))
        assert journal.versions == [1, 1]

    async def test_tries_are_as_far_apart_as_the_delays_say(self) -> None:
        journal = Journal()
        journal.refuse = lambda _message, _try: True
        waited: list[float] = []

        async def sleep(seconds: float) -> None:
            waited.append(seconds)

        bus = InProcessBus(journal.park, sleep=sleep)
        bus.subscribe("one", CHECKED_IN, journal.handle)
        await bus.publish(message(1))
        assert waited == [0.02, 0.1, 0.5, 2.0]
        assert len(journal.parked) == 1

    async def test_the_publisher_hears_of_it_when_parking_fails_and_the_other_consumers_are_served(self) -> None:
        journal, other = Journal(), Journal()
        journal.refuse = lambda _message, _try: True

        async def full(consumer: str, message: Message, error: Exception) -> None:
            raise OSError("no room to park")

        bus = InProcessBus(full, delays=NO_DELAYS)
        bus.subscribe("one", CHECKED_IN, journal.handle)
        bus.subscribe("two", CHECKED_IN, other.handle)
        with pytest.raises(OSError, match="no room"):
            await bus.publish(message(1))
        assert other.versions == [1]

    async def test_a_publisher_that_gives_up_in_the_queue_lets_nobody_pass_out_of_order(self) -> None:
        journal, let_go = Journal(), asyncio.Event()

        async def slow(message: Message) -> None:
            if message.version == 1:
                await let_go.wait()
            await journal.handle(message)

        bus = await self.make(journal.park)
        bus.subscribe("one", CHECKED_IN, slow)
        first, second, third = (asyncio.create_task(bus.publish(message(number))) for number in (1, 2, 3))
        await self.settle(bus, lambda: False)
        second.cancel()
        await self.settle(bus, lambda: False)
        assert journal.versions == []
        let_go.set()
        await asyncio.gather(first, third)
        assert journal.versions == [1, 3]
        assert second.cancelled()

    async def test_nothing_is_kept_of_aggregates_that_nobody_waits_for(self) -> None:
        journal = Journal()
        bus = await self.make(journal.park)
        bus.subscribe("one", CHECKED_IN, journal.handle)
        for number in range(100):
            await bus.publish(message(1, aggregate=number))
        assert cast("dict[object, object]", vars(bus)["_turns"]) == {}


class Careless(InProcessBus):
    """Planted bugs: no turns, so a message that is tried again is overtaken."""

    async def publish(self, message: Message) -> None:
        for one in self._subscriptions:
            if message.type in one.types:
                await self._try(one, message)


class Hasty(InProcessBus):
    """Planted bug: a handler that raises is not asked again, and what it refused is lost."""

    async def publish(self, message: Message) -> None:
        for one in self._subscriptions:
            if message.type in one.types:
                await asyncio.gather(one.handler(message), return_exceptions=True)


class CarelessSuite(TestInProcessBus):
    __test__ = False

    async def make(self, park: Parked) -> InProcessBus:
        return Careless(park, delays=NO_DELAYS)


class HastySuite(TestInProcessBus):
    __test__ = False

    async def make(self, park: Parked) -> InProcessBus:
        return Hasty(park, delays=NO_DELAYS)


async def test_a_bus_that_loses_order_is_reported() -> None:
    with pytest.raises(AssertionError):
        await CarelessSuite().test_messages_of_an_aggregate_arrive_in_order_also_when_published_at_once()


async def test_a_bus_whose_consumers_wait_for_each_other_is_reported() -> None:
    with pytest.raises(AssertionError):
        await CarelessSuite().test_a_consumer_that_is_tried_again_holds_up_no_other_aggregate_and_no_other_consumer()


async def test_a_bus_that_tries_once_and_parks_nothing_is_reported() -> None:
    with pytest.raises(AssertionError):
        await HastySuite().test_a_failing_handler_gets_the_message_again_and_succeeds_at_the_last_try()
    with pytest.raises(AssertionError):
        await HastySuite().test_what_a_consumer_cannot_handle_is_parked_and_everything_else_flows_on()


async def test_a_bus_that_takes_messages_of_any_size_is_reported() -> None:
    with pytest.raises(pytest.fail.Exception):
        await HastySuite().test_a_message_of_two_megabytes_is_refused_and_one_of_half_a_megabyte_is_not()
