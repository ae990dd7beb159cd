"""Trouble in one club's log keeps no other club waiting."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.log.publisher import CHECKPOINT
from ports.caller import Caller
from ports.log import StoredCheckpoint
from tests.contracts.worlds import renamed
from tests.integration.sql.delivery import OUR_TYPES, Consumer
from tests.support.databases import MEMORY
from tests.support.logs import verified
from tests.support.scenes import found
from tests.support.world import START, World, caller, world_at


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_at(MEMORY, tmp_path) as world:
        yield world


@pytest.fixture
async def clubs(world: World) -> list[Caller]:
    """Three clubs; whatever befalls the one in the middle, there is one before it and one after it in every order."""
    return [caller((await found(world)).id) for _ in range(3)]


async def orphaned(world: World, club: Caller, consumer: str) -> None:
    """A pending row without an event, as no transaction of ours would leave it."""
    async with world.begin_log(club) as tx:
        await tx.log.ask(consumer)


async def test_a_pending_row_without_a_record_stops_its_own_log_alone(world: World, clubs: list[Caller]) -> None:
    await orphaned(world, clubs[1], "log")
    with pytest.raises(KeyError):
        await world.pipeline.integrate()
    await world.pipeline.sign()
    await world.pipeline.anchor()
    for club in (clubs[0], clubs[2]):
        assert await verified(world, club) == 1


async def test_a_pending_row_without_a_message_stops_its_own_queue_alone(world: World, clubs: list[Caller]) -> None:
    consumer = Consumer()
    world.bus.subscribe("trouble", OUR_TYPES, consumer.handle)
    await orphaned(world, clubs[1], "relay")
    for club in clubs:
        await renamed(world, club, "Haven")
    with pytest.raises(KeyError):
        await world.relay.tick()
    assert {clubs[0].of_club, clubs[2].of_club} <= consumer.versions.keys()


async def test_a_checkpoint_that_cannot_be_read_keeps_no_other_from_the_ledger(
    world: World, clubs: list[Caller]
) -> None:
    await world.pipeline.integrate()
    async with world.begin_log(clubs[1]) as tx:
        await tx.log.add_checkpoint(StoredCheckpoint(size=9, note="no note", at=START))
    await world.pipeline.sign()
    with pytest.raises(Exception, match="well-formed"):
        await world.pipeline.anchor()
    for club in (clubs[0], clubs[2]):
        assert await verified(world, club) == 1
    assert "behind its own checkpoint" in world.system.alarms()[0]
    assert await world.system.infrastructure.publication.get(await origin_of(world, clubs[1]), CHECKPOINT) is None


async def origin_of(world: World, club: Caller) -> str:
    async with world.begin_log(club) as tx:
        return (await tx.log.head()).origin


async def test_a_log_that_cannot_be_published_keeps_no_other_from_being_published(
    world: World, clubs: list[Caller]
) -> None:
    publication = world.system.infrastructure.publication
    await publication.put(await origin_of(world, clubs[1]), CHECKPOINT, b"no note")
    await world.pipeline.integrate()
    with pytest.raises(Exception, match="well-formed"):
        await world.pipeline.sign()
    await world.pipeline.anchor()
    for club in (clubs[0], clubs[2]):
        assert await verified(world, club) == 1
