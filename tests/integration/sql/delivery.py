"""From the commit to the consumer: nothing skipped, nothing twice, nothing out of order; a subclass brings the worlds.

Each class takes the fixture `worlds`: one that writes, and one whose relay delivers.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from adapters.outbound.sql.clubs import SqlClubsTx
from adapters.outbound.sql.journal import LOG
from adapters.outbound.sql.schema import pending
from adapters.outbound.sql.unit_of_work import SqlBegin
from core.clubs.club import ClubAmended
from ports.bus import Bus, Handler, Message
from ports.caller import Caller
from tests.contracts.worlds import rename
from tests.support.scenes import found, two_clubs
from tests.support.world import World, caller

WRITERS, ROUNDS, CLUBS = 16, 10, 4
FOUNDING = 1
OUR_TYPES = frozenset({ClubAmended.type})


@dataclass(slots=True)
class Consumer:
    """Writes down what it is told, by club."""

    versions: dict[UUID, list[int]] = field(default_factory=lambda: defaultdict(list))
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, message: Message) -> None:
        await asyncio.sleep(0)
        self.versions[message.aggregate_id].append(message.version)
        self.told.set()

    async def has_all(self, acknowledged: Counter[UUID]) -> None:
        """Returns once it was told as often as was acknowledged."""
        async with asyncio.timeout(60):
            while any(len(self.versions[club]) < count for club, count in acknowledged.items()):
                self.told.clear()
                await self.told.wait()


def lingering(world: World, written: asyncio.Event, let_go: asyncio.Event) -> SqlBegin[SqlClubsTx]:
    """Transactions that have written everything, pending rows too, and do not commit before they are let go."""

    class Lingering(SqlClubsTx):
        async def close(self) -> None:
            await super().close()
            written.set()
            await let_go.wait()

    return world.system.infrastructure.begin(Lingering)


async def write(world: World, clubs: list[Caller], writer: int, acknowledged: Counter[UUID]) -> None:
    """Rounds of changes; every twentieth is rolled back at its very end."""
    for number in range(ROUNDS):
        club = clubs[(writer + number) % len(clubs)]
        with suppress(ZeroDivisionError):
            async with world.begin(club) as tx:
                await rename(tx, club, f"Name {writer}.{number}")
                if (writer * ROUNDS + number) % 20 == 19:
                    raise ZeroDivisionError
            acknowledged[club.of_club] += 1


class Delivery:
    """`worlds` are the processes; `lingers` says whether others may write while a transaction is open."""

    lingers: bool

    async def test_no_event_is_skipped_while_many_write_and_one_transaction_stays_open(
        self, worlds: list[World]
    ) -> None:
        writer, reader = worlds[0], worlds[-1]
        clubs = [caller((await found(writer)).id) for _ in range(CLUBS)]
        patient = caller((await found(writer)).id)
        consumer, acknowledged = Consumer(), Counter[UUID]()
        reader.bus.subscribe("gap", OUR_TYPES, consumer.handle)
        written, let_go, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
        relaying = asyncio.create_task(self._until(done, reader.relay.tick))
        cursor = Cursor(reader)
        following = asyncio.create_task(self._until(done, cursor.follow))
        waiting = asyncio.create_task(self._linger(writer, patient, written, let_go))
        await written.wait()
        if not self.lingers:
            let_go.set()
        await asyncio.gather(*(write(writer, clubs, number, acknowledged) for number in range(WRITERS)))
        await consumer.has_all(acknowledged)
        let_go.set()
        await waiting
        acknowledged[patient.of_club] += 1
        await consumer.has_all(acknowledged)
        done.set()
        await asyncio.gather(relaying, following)
        await cursor.follow()
        assert sum(acknowledged.values()) == WRITERS * ROUNDS - WRITERS * ROUNDS // 20 + 1
        # Nothing missed, nothing twice, nothing of what was rolled back, and every club's versions in order.
        assert consumer.versions == {club: list(range(2, count + 2)) for club, count in acknowledged.items()}
        # A reader that remembers how far it came misses what commits later than it was numbered.
        missed = {club for club, count in acknowledged.items() if cursor.seen[club] < FOUNDING + count}
        assert (patient.of_club in missed) if self.lingers else not missed

    async def _linger(self, world: World, club: Caller, written: asyncio.Event, let_go: asyncio.Event) -> None:
        async with lingering(world, written, let_go)(club) as tx:
            await rename(tx, club, "At last")

    async def _until(self, done: asyncio.Event, turn: Callable[[], Awaitable[object]]) -> None:
        while not done.is_set():
            await turn()
            await asyncio.sleep(0.01)

    async def test_what_is_delivered_many_times_is_counted_once(self, worlds: list[World]) -> None:
        world, (host, home, message) = worlds[0], await checked_in(worlds[0])
        counts = world.clubs.visit_counts.on_checked_in
        await asyncio.gather(
            *(worlds[number % len(worlds)].clubs.visit_counts.on_checked_in(message) for number in range(10))
        )
        await counts(message)
        assert await visits_between(world, host, home) == 1

    async def test_a_crash_between_effect_and_acknowledgement_counts_once(self, worlds: list[World]) -> None:
        world, (host, home, message) = worlds[0], await checked_in(worlds[0])

        class Crash(Exception):
            pass

        async def effect_and_crash(message: Message) -> None:
            await world.clubs.visit_counts.on_checked_in(message)
            raise Crash

        for handler in (effect_and_crash, effect_and_crash, world.clubs.visit_counts.on_checked_in):
            with suppress(Crash):
                await handler(message)
        assert await visits_between(world, host, home) == 1

    async def test_an_effect_that_is_rolled_back_is_done_when_it_is_delivered_again(self, worlds: list[World]) -> None:
        world, (host, home, message) = worlds[0], await checked_in(worlds[0])
        with pytest.raises(ZeroDivisionError):
            async with world.begin(host) as tx:
                assert await tx.first_time("clubs.visit_counts", message.id)
                await tx.visit_counts.add(host.of_club, home.of_club, "2026-03")
                raise ZeroDivisionError
        await world.clubs.visit_counts.on_checked_in(message)
        assert await visits_between(world, host, home) == 1

    async def test_a_consumer_without_an_inbox_would_be_noticed(self, worlds: list[World]) -> None:
        world, (host, home, message) = worlds[0], await checked_in(worlds[0])
        for _ in range(2):
            async with world.begin(host) as tx:
                await tx.visit_counts.add(host.of_club, home.of_club, f"{message.at:%Y-%m}")
        assert await visits_between(world, host, home) == 2

    @pytest.mark.parametrize("crash_after", range(1, 7))
    async def test_a_relay_that_crashes_before_it_forgets_doubles_on_the_wire_alone(
        self, worlds: list[World], crash_after: int
    ) -> None:
        world = worlds[0]
        host, home, _message = await checked_in(world)
        await worlds[-1].relay.tick()
        wire = Wire(worlds[-1].bus)
        scene_events = 6
        for number in range(scene_events):
            async with world.begin(host) as tx:
                await rename(tx, host, f"Name {number}")
        wire.crash_after = crash_after
        with pytest.raises(Crash):
            await replace(worlds[-1].relay, bus=wire).tick()
        wire.crash_after = None
        await replace(worlds[-1].relay, bus=wire).tick()
        firsts = list(dict.fromkeys(wire.versions[host.of_club]))
        assert firsts == list(range(2, 2 + scene_events))
        assert len(wire.versions[host.of_club]) == scene_events + crash_after
        assert not await worlds[-1].relay.tick()
        assert await visits_between(world, host, home) == 1


class Crash(BaseException):
    """What nothing in a process catches."""


@dataclass(slots=True)
class Cursor:
    """Planted bug: a reader that asks for what is numbered after the last one that it saw."""

    world: World
    last: int = 0
    seen: Counter[UUID] = field(default_factory=Counter)

    async def follow(self) -> None:
        places = select(pending.c.sequence, pending.c.tenant).order_by(pending.c.sequence)
        after = places.where(pending.c.consumer == LOG, pending.c.sequence > self.last)
        async with self.world.database.reading(None) as session:
            rows = await session.all(after)
        for row in rows:
            self.last = row["sequence"]
            self.seen[UUID(str(row["tenant"]))] += 1


@dataclass(slots=True)
class Wire:
    """A bus that notes what it carries, and on which the process may die after so many messages."""

    bus: Bus
    crash_after: int | None = None
    versions: dict[UUID, list[int]] = field(default_factory=lambda: defaultdict(list))

    def subscribe(self, consumer: str, types: frozenset[str], handler: Handler) -> None:
        self.bus.subscribe(consumer, types, handler)

    async def publish(self, message: Message) -> None:
        await self.bus.publish(message)
        self.versions[message.aggregate_id].append(message.version)
        if self.crash_after is not None:
            self.crash_after -= 1
            if not self.crash_after:
                raise Crash

    async def check(self) -> None:
        await self.bus.check()


async def checked_in(world: World) -> tuple[Caller, Caller, Message]:
    """Host and home of a check-in, and what the bus is told of it."""
    scene = await two_clubs(world)
    decision = await scene.checked_in((await scene.member()).id)
    async with world.begin_log(scene.host) as tx:
        (message,) = (await tx.log.messages([decision.receipt])).values()
    return scene.host, scene.home, message


async def visits_between(world: World, host: Caller, home: Caller) -> int:
    counts: list[Any] = await world.clubs.visit_counts.list(host)
    return sum(each.visits for each in counts if each.home_club == home.of_club)
