"""What every implementation of ports.unit_of_work must do."""

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from ports.caller import Caller
from ports.unit_of_work import InFlight, KeyReused, Replayed
from shared.canonical import Json, loads
from tests.contracts.worlds import InWorlds, name_of, rename, renamed
from tests.support.scenes import Scene, enrol
from tests.support.world import World


class Broken(Exception):
    """What goes wrong inside a block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A view as a use case answers with."""

    id: UUID
    name: str


async def pending(world: World, caller: Caller, consumer: str) -> list[UUID]:
    async with world.begin_log(caller) as tx:
        return [one.event_id for one in await tx.log.take(consumer, 1000)]


class UnitOfWorkContract(InWorlds):
    """A backend brings `make`: the URL of a migrated database."""

    def make(self, request: pytest.FixtureRequest) -> str:
        raise NotImplementedError

    async def test_a_clean_exit_commits_everything(self, world: World, ann: Caller) -> None:
        async with world.begin(ann) as tx:
            await rename(tx, ann, "Haven")
        assert await name_of(world, ann) == "Haven"
        assert len(await pending(world, ann, "log")) == 2

    @pytest.mark.parametrize("error", [Broken, KeyboardInterrupt, asyncio.CancelledError])
    async def test_any_error_rolls_back_everything(self, world: World, ann: Caller, error: type[BaseException]) -> None:
        with pytest.raises(error):
            async with world.begin(ann) as tx:
                await rename(tx, ann, "Haven")
                assert await tx.first_time("counts", ann.of_club)
                raise error
        assert await name_of(world, ann) == "Harbour"
        assert len(await pending(world, ann, "log")) == 1
        async with world.begin(ann) as tx:
            assert await tx.first_time("counts", ann.of_club)

    async def test_a_task_that_is_cancelled_in_the_middle_leaves_nothing_and_blocks_nobody(
        self, world: World, ann: Caller
    ) -> None:
        inside = asyncio.Event()

        async def slow() -> None:
            async with world.begin(ann.under("rename", "k1")) as tx:
                await rename(tx, ann, "Haven")
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(slow())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with world.begin(ann.under("rename", "k1")) as tx:
            tx.answer(Shown(id=ann.of_club, name=(await rename(tx, ann, "Quay")).name))
        assert await name_of(world, ann) == "Quay"

    async def test_a_transaction_needs_the_club_that_it_belongs_to(self, world: World, ann: Caller) -> None:
        with pytest.raises(RuntimeError, match="club"):
            async with world.begin(replace(ann, club=None)):
                pass

    async def test_an_event_is_recorded_in_the_log_of_every_party_and_pending_for_every_consumer(
        self, scene: Scene
    ) -> None:
        world, home, host = scene.world, scene.home, scene.host
        before = {one.of_club: await pending(world, one, "log") for one in (home, host)}
        visit = await scene.requested((await scene.member()).id)
        told = {one.of_club: set(await pending(world, one, "log")) - set(before[one.of_club]) for one in (home, host)}
        (event,) = told[host.of_club]
        assert event in told[home.of_club]
        salts, records = set(), set()
        for one in (home, host):
            async with world.begin_log(one) as tx:
                stored = await tx.log.record(event)
                disclosed = {each.name: each.subject for each in await tx.log.disclosures(event)}
                message = (await tx.log.messages([event]))[event]
            salts.add(stored.salt)
            records.add(stored.data)
            assert disclosed == {"inputs": visit.id, "failed": visit.id}
            assert message.clubs == (home.of_club, host.of_club)
            assert (message.aggregate, message.aggregate_id, message.version) == ("visit", visit.id, 1)
            assert message.type == "clubs.visit_requested"
        assert len(salts) == len(records) == 2
        relayed = [await pending(world, one, "relay") for one in (home, host)]
        assert sum(each.count(event) for each in relayed) == 1

    async def test_events_of_one_transaction_stay_in_the_order_in_which_they_were_emitted(
        self, world: World, ann: Caller
    ) -> None:
        async with world.begin(ann) as tx:
            for name in ("One", "Two", "Three"):
                await rename(tx, ann, name)
        events = await pending(world, ann, "log")
        async with world.begin_log(ann) as tx:
            messages = await tx.log.messages(events)
        assert [messages[event].version for event in events] == [1, 2, 3, 4]

    async def test_versions_of_an_aggregate_that_two_clubs_change_reach_the_relay_in_order(self, scene: Scene) -> None:
        world, visits = scene.world, []
        for one in (scene, replace(scene, home=scene.host, host=scene.home)):
            decision = await one.checked_in((await one.member()).id)
            assert decision.visit is not None
            visits.append(decision.visit.id)
            await world.clubs.visits.check_out(one.host, decision.visit.id)
        queued: list[tuple[UUID, int]] = []
        for club in (scene.home, scene.host):
            events = await pending(world, club, "relay")
            async with world.begin_log(club) as tx:
                messages = await tx.log.messages(events)
            queued += [(messages[event].aggregate_id, messages[event].version) for event in events]
        for visit in visits:
            assert [version for key, version in queued if key == visit] == [1, 2, 3, 4]

    async def test_first_time_is_said_once_for_each_consumer_and_event(self, world: World, ann: Caller) -> None:
        event, other = world.new_id(), world.new_id()
        said = []
        for consumer, key in [("a", event), ("a", event), ("b", event), ("a", other), ("b", event)]:
            async with world.begin(ann) as tx:
                said.append(await tx.first_time(consumer, key))
        assert said == [True, False, True, True, False]

    async def test_the_same_key_and_inputs_replay_the_first_answer_and_do_nothing(
        self, world: World, ann: Caller
    ) -> None:
        once = ann.under("rename", "k1", "Haven")
        async with world.begin(once) as tx:
            view = Shown(id=ann.of_club, name=(await rename(tx, ann, "Haven")).name)
            assert tx.answer(view) is view
        await renamed(world, ann, "Quay")
        with pytest.raises(Replayed) as replayed:
            async with world.begin(once):
                raise AssertionError("a replay never enters the block")
        assert loads(replayed.value.answer) == {"id": str(ann.of_club), "name": "Haven"}
        assert await name_of(world, ann) == "Quay"

    async def test_the_same_key_with_other_inputs_is_refused(self, world: World, ann: Caller) -> None:
        await answered(world, ann.under("rename", "k1", "Haven"))
        with pytest.raises(KeyReused):
            async with world.begin(ann.under("rename", "k1", "Quay")):
                raise AssertionError("a mismatch never enters the block")

    async def test_a_key_is_the_caller_s_own_and_the_operation_s(self, scene: Scene) -> None:
        world = scene.world
        first = scene.home.under("rename", "k1", "Haven")
        await answered(world, first)
        for other in (
            scene.host.under("rename", "k1", "Haven"),
            replace(first, principal="eve"),
            scene.home.under("amend", "k1", "Haven"),
            scene.home.under("rename", "k2", "Haven"),
        ):
            await answered(world, other)
        with pytest.raises(Replayed):
            await answered(world, first)

    async def test_an_answer_is_kept_for_24_hours_and_then_the_key_is_new(self, world: World, ann: Caller) -> None:
        await answered(world, ann.under("rename", "k1", "Haven"))
        world.clock.forward(hours=23, minutes=59)
        with pytest.raises(Replayed):
            await answered(world, ann.under("rename", "k1", "Haven"))
        world.clock.forward(minutes=2)
        await answered(world, ann.under("rename", "k1", "Quay"))
        with pytest.raises(KeyReused):
            await answered(world, ann.under("rename", "k1", "Haven"))

    async def test_a_key_in_use_is_in_flight_at_once_and_free_when_its_transaction_ends(
        self, world: World, ann: Caller
    ) -> None:
        once = ann.under("rename", "k1", "Haven")
        inside, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            async with world.begin(once) as tx:
                inside.set()
                await go_on.wait()
                tx.answer(Shown(id=ann.of_club, name="Haven"))

        task = asyncio.create_task(slow())
        await inside.wait()
        for inputs in ("Haven", "Quay"):
            with pytest.raises(InFlight):
                await answered(world, ann.under("rename", "k1", inputs))
        go_on.set()
        await task
        with pytest.raises(Replayed):
            await answered(world, once)

    async def test_an_error_stores_nothing_under_the_key(self, world: World, ann: Caller) -> None:
        once = ann.under("rename", "k1", "Haven")
        with pytest.raises(Broken):
            async with world.begin(once) as tx:
                tx.answer(Shown(id=ann.of_club, name="Haven"))
                raise Broken
        await answered(world, ann.under("rename", "k1", "Quay"))

    async def test_a_commit_under_a_key_without_an_answer_is_a_defect_and_changes_nothing(
        self, world: World, ann: Caller
    ) -> None:
        once = ann.under("rename", "k1", "Haven")
        with pytest.raises(RuntimeError, match="without an answer"):
            async with world.begin(once) as tx:
                await rename(tx, ann, "Haven")
        assert await name_of(world, ann) == "Harbour"
        await answered(world, once)

    async def test_without_a_key_an_answer_is_handed_back_and_not_kept(self, world: World, ann: Caller) -> None:
        view = Shown(id=ann.of_club, name="Haven")
        for _ in range(2):
            async with world.begin(ann) as tx:
                assert tx.answer(view) is view

    async def test_different_keys_at_once_do_not_get_in_each_other_s_way(self, world: World, ann: Caller) -> None:
        await asyncio.gather(*(answered(world, ann.under("rename", f"k{number}")) for number in range(5)))

    async def test_answers_are_dropped_once_none_is_replayed_any_more(self, scene: Scene) -> None:
        world, club = scene.world, scene.home
        for number in range(3):
            await answered(world, club.under("rename", f"old {number}"))
        await answered(world, scene.host.under("rename", "theirs"))
        world.clock.forward(hours=23, minutes=59)
        assert await world.leftovers.drop_answers(club.of_club, 100) == 0
        await answered(world, club.under("rename", "new"))
        world.clock.forward(minutes=2)
        assert await world.leftovers.drop_answers(club.of_club, 2) == 2
        assert await world.leftovers.drop_answers(club.of_club, 2) == 1
        assert await world.leftovers.drop_answers(club.of_club, 2) == 0
        with pytest.raises(Replayed):
            await answered(world, club.under("rename", "new"))
        assert await world.leftovers.drop_answers(scene.host.of_club, 100) == 1

    async def test_the_oldest_answers_are_dropped_first(self, world: World, ann: Caller) -> None:
        await answered(world, ann.under("rename", "first", "Haven"))
        world.clock.forward(seconds=10)
        await answered(world, ann.under("rename", "second", "Haven"))
        world.clock.forward(hours=24, seconds=-5)
        assert await world.leftovers.drop_answers(ann.of_club, 100) == 1
        with pytest.raises(Replayed):
            await answered(world, ann.under("rename", "second", "Haven"))

    async def test_what_was_handled_is_forgotten_after_seven_days(self, world: World, ann: Caller) -> None:
        old, new = world.new_id(), world.new_id()
        await relayed(world)
        await noted(world, ann, old)
        world.clock.forward(days=6, hours=23)
        await world.leftovers.drop_handled(10_000)
        assert not await noted(world, ann, old)
        await noted(world, ann, new)
        world.clock.forward(hours=2)
        await world.leftovers.drop_handled(10_000)
        assert (await noted(world, ann, new), await noted(world, ann, old)) == (False, True)

    async def test_no_more_is_forgotten_at_once_than_was_asked(self, world: World, ann: Caller) -> None:
        # Whatever other tests left on the same database goes first.
        await relayed(world)
        world.clock.forward(days=400)
        await world.leftovers.drop_handled(10_000)
        for _ in range(3):
            await noted(world, ann, world.new_id())
        world.clock.forward(days=8)
        assert [await world.leftovers.drop_handled(2) for _ in range(3)] == [2, 1, 0]

    async def test_what_is_pending_for_the_relay_is_not_forgotten(self, world: World, ann: Caller) -> None:
        await relayed(world)
        await renamed(world, ann, "Haven")
        (event,) = await pending(world, ann, "relay")
        await noted(world, ann, event)
        world.clock.forward(days=30)
        await renamed(world, ann, "Quay")
        await world.leftovers.drop_handled(10_000)
        assert not await noted(world, ann, event)
        await relayed(world)
        await world.leftovers.drop_handled(10_000)
        assert await noted(world, ann, event)

    async def test_what_is_parked_is_not_forgotten_for_its_consumer(self, world: World, ann: Caller) -> None:
        (event,) = await pending(world, ann, "relay")
        async with world.begin_log(ann) as tx:
            message = (await tx.log.messages([event]))[event]
        await world.parking.add("counts", message, "planted")
        await relayed(world)
        for consumer in ("counts", "other"):
            await noted(world, ann, event, consumer)
        world.clock.forward(days=30)
        await world.leftovers.drop_handled(10_000)
        assert [await noted(world, ann, event, consumer) for consumer in ("counts", "other")] == [False, True]
        (parked,) = [one for one in await world.parking.list() if one.event_id == event]
        await world.parking.drop(parked)
        await world.leftovers.drop_handled(10_000)
        assert await noted(world, ann, event)

    async def test_what_is_personal_stands_in_disclosures_and_in_no_record(self, world: World, ann: Caller) -> None:
        member = await enrol(world, ann, "Ada Canary")
        disclosed: dict[str, Json] = {}
        for event in await pending(world, ann, "log"):
            async with world.begin_log(ann) as tx:
                stored = await tx.log.record(event)
                disclosed |= {one.name: one.value for one in await tx.log.disclosures(event)}
            assert b"Ada Canary" not in stored.data
            assert str(member.ref).encode() not in stored.data
        assert disclosed["name"] == "Ada Canary"
        assert disclosed["ref"] == str(member.ref)


async def noted(world: World, caller: Caller, event: UUID, consumer: str = "counts") -> bool:
    """Whether the consumer hears of this event for the first time."""
    async with world.begin(caller) as tx:
        return await tx.first_time(consumer, event)


async def relayed(world: World) -> None:
    """Nothing is pending for the relay any more, of whichever club."""
    while await world.relay.tick():
        pass


async def answered(world: World, caller: Caller) -> None:
    """A transaction that does nothing but answer."""
    async with world.begin(caller) as tx:
        tx.answer(Shown(id=caller.of_club, name="answered"))
