"""The relay: a consumer that is slow, or fails, for one club keeps no other club waiting."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from app.relay import AT_ONCE, PATIENCE_SECONDS
from core.clubs.club import ClubAmended
from ports.bus import Message
from tests.contracts.worlds import renamed
from tests.support.databases import MEMORY
from tests.support.scenes import found
from tests.support.world import PATIENT, World, caller, world_at

OUR_TYPES = frozenset({ClubAmended.type})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(MEMORY, tmp_path, **PATIENT) as world:
        yield world


async def test_clubs_are_told_of_side_by_side_and_not_all_of_them_at_once(world: World) -> None:
    """The first that were told of waited for each other, and with them every club of the network."""
    clubs = [caller((await found(world)).id) for _ in range(2 * AT_ONCE)]
    await world.relay.tick()
    handled, full, busy, most = set[UUID](), asyncio.Event(), 0, 0

    async def handle(message: Message) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        if busy == AT_ONCE:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        busy -= 1
        handled.add(message.aggregate_id)

    world.bus.subscribe("slow", OUR_TYPES, handle)
    for club in clubs:
        await renamed(world, club, "Haven")
    async with asyncio.timeout(30):
        assert await world.relay.tick() == len(clubs)
    assert handled == {club.of_club for club in clubs} and most == AT_ONCE


async def test_a_club_whose_messages_take_long_gives_up_its_turn_and_loses_none(world: World) -> None:
    """A hundred messages that a consumer fails at would keep every other club from its next turn for minutes."""
    club = caller((await found(world)).id)
    await world.relay.tick()
    versions: list[int] = []

    async def handle(message: Message) -> None:
        versions.append(message.version)
        world.clock.forward(seconds=PATIENCE_SECONDS * 0.6)

    world.bus.subscribe("slow", OUR_TYPES, handle)
    await renamed(world, club, "One", "Two", "Three", "Four", "Five")
    assert [await world.relay.tick() for _ in range(4)] == [2, 2, 1, 0]
    assert versions == [2, 3, 4, 5, 6]


async def test_a_clock_that_is_set_back_meanwhile_ends_no_turn(world: World) -> None:
    club = caller((await found(world)).id)
    await world.relay.tick()

    async def handle(_message: Message) -> None:
        world.clock.forward(hours=-1)

    world.bus.subscribe("slow", OUR_TYPES, handle)
    await renamed(world, club, "One", "Two")
    assert await world.relay.tick() == 2
