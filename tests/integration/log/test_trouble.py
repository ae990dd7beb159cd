"""Trouble in one club's log keeps no other club waiting."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from adapters.outbound.sql import schema
from adapters.outbound.sql.database import mine
from app.log.publisher import CHECKPOINT
from app.workers import Trouble
from concordat.checks.logs import examine_logs
from core.log.merkle import HASH_SIZE
from core.log.tiles import TILE_WIDTH
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
    await world.pipeline.integrate()
    assert isinstance(world.troubled[clubs[1].of_club].error, KeyError)
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
    await world.relay.tick()
    assert world.relay.turns.troubled.keys() == {clubs[1].of_club}
    assert {clubs[0].of_club, clubs[2].of_club} <= consumer.versions.keys()


async def test_a_checkpoint_that_cannot_be_read_keeps_no_other_from_the_ledger(
    world: World, clubs: list[Caller]
) -> None:
    await world.pipeline.integrate()
    async with world.begin_log(clubs[1]) as tx:
        await tx.log.add_checkpoint(StoredCheckpoint(size=9, note="no note", at=START))
    await world.pipeline.sign()
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
    await world.pipeline.sign()
    await world.pipeline.anchor()
    for club in (clubs[0], clubs[2]):
        assert await verified(world, club) == 1


@pytest.mark.parametrize("running", [False, True])
async def test_a_log_whose_published_checkpoint_cannot_be_read_is_frozen_and_doctor_says_the_same(
    world: World, clubs: list[Caller], running: bool
) -> None:
    """Its turns failed one after the other, and the process was ready all the while."""
    if running:
        await world.settle()
        await renamed(world, clubs[1], "Haven")
    origin = await origin_of(world, clubs[1])
    await world.system.infrastructure.publication.put(origin, CHECKPOINT, b"no note")
    await world.settle()
    assert world.troubled == {}
    frozen = world.pipeline.guard.frozen[clubs[1].of_club]
    assert world.system.alarms() == [str(frozen)]
    (check,) = await examine_logs(world.system)
    assert check.found == f"{origin} is frozen: {frozen.parameters['reason']}"
    assert check.advice == frozen.parameters["remedy"]


async def test_a_log_in_trouble_waits_by_itself_twice_as_long_each_time(world: World, clubs: list[Caller]) -> None:
    await orphaned(world, clubs[1], "log")
    waited: list[float] = []
    failed_at = world.clock()
    while len(waited) < 8:
        world.clock.forward(seconds=0.25)
        before = world.troubled.get(clubs[1].of_club)
        await world.pipeline.integrate()
        if world.troubled[clubs[1].of_club] is not before:
            waited.append((world.clock() - failed_at).total_seconds())
            failed_at = world.clock()
    assert [round(each) for each in waited[1:]] == [1, 2, 4, 8, 16, 30, 30]
    await renamed(world, clubs[0], "Haven")
    await world.pipeline.integrate()
    assert await world.backlog.clubs_with_work("log") == [clubs[1].of_club]


async def test_a_clock_that_is_set_back_makes_nobody_wait(world: World) -> None:
    now = world.clock()
    trouble = Trouble(error=KeyError(), times=9, at=now)
    assert not trouble.is_over(now)
    world.clock.forward(hours=-1)
    assert trouble.is_over(world.clock())


async def spoiled(world: World, club: Caller, level: int, **values: object) -> None:
    """The log's first tile of a level changed, or deleted, past the application."""
    which = (schema.tile.c.level == level, schema.tile.c.index == 0, mine(schema.tile))
    async with world.begin_log(club) as tx:
        statement = update(schema.tile).where(*which).values(**values) if values else delete(schema.tile).where(*which)
        assert await tx.session.change(statement) == 1


@pytest.mark.parametrize(
    "values", [{}, {"hashes": bytes(HASH_SIZE)}, {"hashes": b"short"}], ids=["gone", "other", "torn"]
)
async def test_a_tile_that_is_missing_or_wrong_freezes_its_log_alone_and_is_named(
    world: World, clubs: list[Caller], values: dict[str, object]
) -> None:
    await world.settle()
    await spoiled(world, clubs[1], 0, **values)
    for club in clubs:
        await renamed(world, club, "Haven")
    for _ in range(2):
        await world.settle()
    (alarm,) = world.system.alarms()
    assert "tile (0, 0)" in alarm and await origin_of(world, clubs[1]) in alarm
    for club in (clubs[0], clubs[2]):
        assert await verified(world, club) == 2


@pytest.mark.parametrize("values", [{}, {"hashes": bytes(HASH_SIZE)}], ids=["gone", "other"])
async def test_an_upper_tile_that_is_missing_or_wrong_freezes_its_log_and_is_named(
    world: World, clubs: list[Caller], values: dict[str, object]
) -> None:
    await renamed(world, clubs[1], *(f"Name {number}" for number in range(TILE_WIDTH + 4)))
    await world.settle()
    await spoiled(world, clubs[1], 1, **values)
    await renamed(world, clubs[1], "Haven")
    await world.settle()
    (alarm,) = world.system.alarms()
    assert "tile (1, 0)" in alarm


async def test_a_tile_that_would_prove_another_log_is_named_before_the_ledger_is_asked(
    world: World, clubs: list[Caller]
) -> None:
    await renamed(world, clubs[1], *(f"Name {number}" for number in range(TILE_WIDTH - 2)))
    await world.settle()
    await renamed(world, clubs[1], *(f"More {number}" for number in range(4)))
    await world.pipeline.integrate()
    await world.pipeline.sign()
    await spoiled(world, clubs[1], 0, hashes=bytes(HASH_SIZE * TILE_WIDTH))
    await world.pipeline.anchor()
    assert world.pipeline.anchorer.rejected == {}
    (alarm,) = world.system.alarms()
    assert "tile (0, 0)" in alarm
