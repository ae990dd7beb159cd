"""What every implementation of ports.parking must do."""

from collections.abc import Sequence

import pytest

from ports.bus import Message
from ports.caller import Caller
from ports.parking import ParkedMessage
from tests.contracts.worlds import InWorlds, renamed
from tests.support.scenes import Scene
from tests.support.world import World


async def messages(world: World, caller: Caller) -> list[Message]:
    """What the relay has to tell of the caller's club."""
    async with world.begin_log(caller) as tx:
        events = [one.event_id for one in await tx.log.take("relay", 100)]
        told = await tx.log.messages(events)
    return [told[event] for event in events]


async def parked_of(world: World, *clubs: Caller) -> Sequence[ParkedMessage]:
    """What is parked of these clubs; others may have parked as well."""
    return [one for one in await world.parking.list() if one.club in {club.club for club in clubs}]


class ParkingContract(InWorlds):
    """A backend brings `make`: the URL of a migrated database."""

    def make(self, request: pytest.FixtureRequest) -> str:
        raise NotImplementedError

    async def test_what_is_parked_is_listed_across_clubs_oldest_first(self, scene: Scene) -> None:
        world = scene.world
        (mine, *_), (theirs, *_) = await messages(world, scene.home), await messages(world, scene.host)
        before = world.clock()
        await world.parking.add("counts", theirs, "bus/unavailable")
        await world.parking.add("counts", mine, "KeyError")
        await world.parking.add("other", mine, "KeyError")
        found = await parked_of(world, scene.home, scene.host)
        assert [(one.club, one.consumer, one.event_id) for one in found] == [
            (scene.host.club, "counts", theirs.id),
            (scene.home.club, "counts", mine.id),
            (scene.home.club, "other", mine.id),
        ]
        assert [(one.type, one.error) for one in found[:2]] == [
            ("clubs.club_founded", "bus/unavailable"),
            ("clubs.club_founded", "KeyError"),
        ]
        assert before < found[0].at < found[1].at < world.clock()

    async def test_a_message_that_is_parked_again_stays_as_it_is(self, world: World, ann: Caller) -> None:
        (message,) = await messages(world, ann)
        await world.parking.add("counts", message, "first")
        kept = await parked_of(world, ann)
        await world.parking.add("counts", message, "second")
        assert await parked_of(world, ann) == kept

    async def test_what_is_parked_of_an_event_is_found_by_its_id(self, scene: Scene) -> None:
        world = scene.world
        (mine, *_), (theirs, *_) = await messages(world, scene.home), await messages(world, scene.host)
        for consumer, message in (("other", mine), ("counts", mine), ("counts", theirs)):
            await world.parking.add(consumer, message, "e")
        assert [(one.consumer, one.event_id) for one in await world.parking.of(mine.id)] == [
            ("counts", mine.id),
            ("other", mine.id),
        ]
        assert await world.parking.of(world.new_id()) == []

    async def test_messages_are_counted_by_consumer(self, world: World, ann: Caller) -> None:
        await renamed(world, ann, "One")
        before = await world.parking.counts()
        first, second = await messages(world, ann)
        for consumer, message in (("counts", first), ("counts", second), ("other", first)):
            await world.parking.add(consumer, message, "e")
        after = await world.parking.counts()
        assert [after[name] - before.get(name, 0) for name in ("counts", "other")] == [2, 1]
        assert "nobody" not in after

    async def test_what_is_dropped_is_gone_for_this_consumer_alone(self, world: World, ann: Caller) -> None:
        (message,) = await messages(world, ann)
        for consumer in ("counts", "other"):
            await world.parking.add(consumer, message, "e")
        counts, other = await parked_of(world, ann)
        await world.parking.drop(counts)
        await world.parking.drop(counts)
        assert await parked_of(world, ann) == [other]
