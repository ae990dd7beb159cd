"""Parked messages: delivered again to one consumer, once, or forgotten; nothing of a person is kept with them."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.clubs.visit_counts import CONSUMER
from app.parked import ParkedMessages
from concordat.builders import parking_in
from concordat.edges import backlog_gauges
from ports.bus import Handler, Message
from ports.caller import Caller
from ports.parking import NoSuchConsumer, NotParked
from shared.errors import Unavailable
from tests.support.databases import MEMORY
from tests.support.scenes import Scene, two_clubs
from tests.support.world import World, world_at


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with world_at(MEMORY, tmp_path) as world:
        yield await two_clubs(world)


async def checked_in(scene: Scene) -> Message:
    """What the bus is told of a check-in."""
    decision = await scene.checked_in((await scene.member()).id)
    async with scene.world.begin_log(scene.host) as tx:
        (message,) = (await tx.log.messages([decision.receipt])).values()
    return message


def parked_in(world: World, handlers: Mapping[str, Handler] | None = None) -> ParkedMessages:
    usual = {CONSUMER: world.clubs.visit_counts.on_checked_in}
    return ParkedMessages(look=world.look, parking=world.parking, handlers=usual if handlers is None else handlers)


async def counted(scene: Scene) -> int:
    counts = await scene.world.clubs.visit_counts.list(scene.host)
    return sum(each.visits for each in counts)


async def only(messages: ParkedMessages, event: UUID) -> None:
    """Try the one message again."""
    (parked,) = await messages.of(event)
    await messages.retry(parked)


async def test_a_retry_has_the_effect_and_the_message_is_parked_no_more(scene: Scene) -> None:
    message, messages = await checked_in(scene), parked_in(scene.world)
    await scene.world.parking.add(CONSUMER, message, "database/unavailable")
    await only(messages, message.id)
    assert (await messages.parking.list(), await counted(scene)) == ([], 1)


async def test_a_retry_of_what_was_handled_after_all_has_no_second_effect(scene: Scene) -> None:
    message, messages = await checked_in(scene), parked_in(scene.world)
    await scene.world.clubs.visit_counts.on_checked_in(message)
    await scene.world.parking.add(CONSUMER, message, "database/unavailable")
    await only(messages, message.id)
    assert (await messages.parking.list(), await counted(scene)) == ([], 1)


async def test_what_fails_again_stays_parked_as_it_was(scene: Scene) -> None:
    async def failing(_message: Message) -> None:
        raise Unavailable

    message, messages = await checked_in(scene), parked_in(scene.world, {CONSUMER: failing})
    await scene.world.parking.add(CONSUMER, message, "KeyError")
    before = await messages.parking.list()
    with pytest.raises(Unavailable):
        await only(messages, message.id)
    assert await messages.parking.list() == before


async def test_a_message_goes_to_the_consumer_that_it_is_parked_for_alone(scene: Scene) -> None:
    told: list[tuple[str, Message]] = []

    def telling(name: str) -> Handler:
        async def handler(message: Message) -> None:
            told.append((name, message))

        return handler

    messages = parked_in(scene.world, {name: telling(name) for name in ("one", "two")})
    message = await checked_in(scene)
    for name in ("one", "two"):
        await scene.world.parking.add(name, message, "e")
    (parked,) = await messages.of(message.id, "two")
    await messages.retry(parked)
    assert told == [("two", message)]
    assert [one.consumer for one in await messages.of(message.id)] == ["one"]


async def test_a_message_of_a_consumer_that_is_not_installed_stays_parked(scene: Scene) -> None:
    message, messages = await checked_in(scene), parked_in(scene.world, {})
    await scene.world.parking.add("gone.consumer", message, "e")
    with pytest.raises(NoSuchConsumer):
        await only(messages, message.id)
    assert len(await messages.parking.list()) == 1


async def test_what_is_dropped_is_never_handled(scene: Scene) -> None:
    message, messages = await checked_in(scene), parked_in(scene.world)
    await scene.world.parking.add(CONSUMER, message, "e")
    (parked,) = await messages.of(message.id, CONSUMER)
    await messages.parking.drop(parked)
    assert (await messages.parking.list(), await counted(scene)) == ([], 0)


@pytest.mark.parametrize("consumer", [None, CONSUMER, "nobody"])
async def test_what_is_not_parked_is_not_found(scene: Scene, consumer: str | None) -> None:
    message = await checked_in(scene)
    await scene.world.parking.add("another", message, "e")
    with pytest.raises(NotParked):
        await parked_in(scene.world).of(message.id if consumer else scene.world.new_id(), consumer)


@pytest.mark.parametrize(
    ("error", "kept"),
    [(RuntimeError("Ada Canary"), "RuntimeError"), (Unavailable(name="Ada Canary"), Unavailable.code)],
)
async def test_no_text_of_an_error_is_kept_or_logged(scene: Scene, error: Exception, kept: str) -> None:
    message = await checked_in(scene)
    with capture_logs() as lines:
        await parking_in(scene.world.parking)(CONSUMER, message, error)
    (parked,) = await scene.world.parking.list()
    assert parked.error == kept
    assert "event parked" in str(lines)
    assert "Ada" not in f"{parked}{lines}"


async def test_gauges_show_what_consumers_have_to_do_and_could_not_do(scene: Scene) -> None:
    world = scene.world
    message = await checked_in(scene)
    await world.parking.add("another", message, "e")
    world.clock.forward(hours=1)
    gauges = await shown(world)
    assert gauges["concordat_pending_events", "relay"] > 0
    assert gauges["concordat_pending_events", "anchor"] == gauges["concordat_pending_oldest_seconds", "anchor"] == 0
    assert 3600 < gauges["concordat_pending_oldest_seconds", "relay"] < 3700
    assert (gauges["concordat_parked_events", "another"], gauges["concordat_parked_events", CONSUMER]) == (1, 0)
    await world.relay.tick()
    await ask(world, scene.home)
    gauges = await shown(world)
    assert gauges["concordat_pending_events", "relay"] == gauges["concordat_pending_oldest_seconds", "relay"] == 0
    assert gauges["concordat_pending_events", "anchor"] == 1


async def ask(world: World, club: Caller) -> None:
    await world.log.workers.anchoring.ask(club)


async def shown(world: World) -> dict[tuple[str, str], float]:
    return {(one.name, one.labels["consumer"]): one.value for one in await backlog_gauges(world.system)}
