"""What every implementation of ports.log must do (but for Publication, which has a suite of its own)."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from core.log.merkle import EMPTY_ROOT
from core.log.policy import Policy, parse_policy
from core.log.records import commitment, leaf_of, parse_record
from core.log.tiles import append, edge_tiles
from ports.caller import Caller
from ports.log import (
    LogHead,
    LogKey,
    LogMoved,
    LogTx,
    Pending,
    RecordMissing,
    StoredAnchor,
    StoredCheckpoint,
    StoredCosignature,
    Waiting,
)
from ports.unit_of_work import Missing
from tests.contracts.worlds import InWorlds, renamed
from tests.support.scenes import Scene, enrol, found
from tests.support.witnesses import cosigner
from tests.support.world import START, World, caller

WITNESSES = {name: cosigner(name).key for name in ("w", "x", "y", "gone")}
SIGNED = {
    size: [key for bit, key in enumerate(WITNESSES.values()) if size >> bit & 1]
    for size in range(1, 1 << len(WITNESSES))
}
"""Every set of them has cosigned a checkpoint of its own size; the last of them is in no policy."""
_NAMED = "".join(f"witness {name} {WITNESSES[name]}\n" for name in ("w", "x", "y"))
QUORUMS = [
    parse_policy(_NAMED + lines)
    for lines in (
        "quorum y\n",
        "group g 2 w x y\nquorum g\n",
        "group g all w x y\nquorum g\n",
        "group g any w x\ngroup h all g y\nquorum h\n",
        "group g any x y\ngroup h any g w\nquorum g\n",
    )
]


async def taken(world: World, caller: Caller, consumer: str = "log", limit: int = 1000) -> Sequence[Pending]:
    async with world.begin_log(caller) as tx:
        return await tx.log.take(consumer, limit)


async def grow(tx: LogTx, events: Sequence[UUID]) -> LogHead:
    """What integration does, step by step."""
    old = await tx.log.head()
    edge = await tx.log.tiles([tile.at for tile in edge_tiles(old.size)])
    commitments = await tx.log.commitments(events)
    grown = append(old.size, edge, [leaf_of(commitments[event]) for event in events])
    new = LogHead(origin=old.origin, size=grown.size, root=grown.root)
    await tx.log.grow(old, new, grown.tiles, events)
    await tx.log.drop("log", [one for one in await tx.log.take("log", 1000) if one.event_id in events])
    return new


class LogContract(InWorlds):
    """A backend brings `make`: the URL of a migrated database."""

    def make(self, request: pytest.FixtureRequest) -> str:
        raise NotImplementedError

    async def test_pending_rows_are_taken_oldest_first_and_not_more_than_asked(self, world: World, ann: Caller) -> None:
        await renamed(world, ann, "One", "Two", "Three")
        every = await taken(world, ann)
        assert [one.sequence for one in every] == sorted(one.sequence for one in every)
        assert list(await taken(world, ann, limit=2)) == list(every[:2])
        async with world.begin_log(ann) as tx:
            messages = await tx.log.messages([one.event_id for one in every])
        assert [messages[one.event_id].version for one in every] == [1, 2, 3, 4]

    async def test_what_is_dropped_is_gone_for_this_consumer_alone(self, world: World, ann: Caller) -> None:
        await renamed(world, ann, "One")
        every, relayed = await taken(world, ann), await taken(world, ann, "relay")
        async with world.begin_log(ann) as tx:
            await tx.log.drop("log", every[:1])
            await tx.log.drop("log", [])
        assert list(await taken(world, ann)) == list(every[1:])
        assert await taken(world, ann, "relay") == relayed

    async def test_a_sequence_is_never_used_again(self, world: World, ann: Caller) -> None:
        sequences: list[int] = []
        for _ in range(3):
            async with world.begin_log(ann) as tx:
                await tx.log.ask("wish")
                (wish,) = await tx.log.take("wish", 10)
                await tx.log.drop("wish", [wish])
                await tx.log.drop("log", await tx.log.take("log", 10))
                await tx.log.drop("relay", await tx.log.take("relay", 10))
            sequences.append(wish.sequence)
        assert sequences == sorted(set(sequences))

    async def test_what_is_dropped_in_a_transaction_that_fails_is_still_pending(
        self, world: World, ann: Caller
    ) -> None:
        every = await taken(world, ann)
        with pytest.raises(ZeroDivisionError):
            async with world.begin_log(ann) as tx:
                await tx.log.drop("log", every)
                raise ZeroDivisionError
        assert await taken(world, ann) == every

    async def test_dropping_takes_no_row_of_another_club_or_consumer(self, scene: Scene) -> None:
        world, theirs = scene.world, await taken(scene.world, scene.host)
        async with world.begin_log(scene.home) as tx:
            await tx.log.drop("log", theirs)
            await tx.log.drop("relay", await tx.log.take("log", 1000))
        assert await taken(world, scene.host) == theirs
        assert await taken(world, scene.home)

    async def test_a_wish_is_pending_for_its_consumer_alone(self, scene: Scene) -> None:
        async with scene.world.begin_log(scene.home) as tx:
            await tx.log.ask("wish")
        assert len(await taken(scene.world, scene.home, "wish")) == 1
        assert not await taken(scene.world, scene.host, "wish")
        assert scene.home.of_club in await scene.world.backlog.clubs_with_work("wish")

    @pytest.mark.parametrize("other", ["club", "consumer", None])
    async def test_a_lock_is_held_by_one_until_its_transaction_ends(self, scene: Scene, other: str | None) -> None:
        world, ended, seen = scene.world, asyncio.Event(), []

        async def second() -> None:
            club = scene.host if other == "club" else scene.home
            async with world.begin_log(club) as tx:
                got = await tx.log.lock("b" if other == "consumer" else "a")
                seen.append((got, ended.is_set()))

        async with world.begin_log(scene.home) as tx:
            assert await tx.log.lock("a")
            assert await tx.log.lock("a")
            task = asyncio.create_task(second())
            await asyncio.sleep(0.05)
            ended.set()
        await task
        # An engine that lets one transaction write at a time makes the second one wait for the first.
        assert seen in ([(other is not None, False)], [(True, True)])
        async with world.begin_log(scene.home) as tx:
            assert await tx.log.lock("a")

    async def test_a_log_begins_empty_under_its_origin(self, world: World, ann: Caller) -> None:
        entry = next(one for one in await world.backlog.directory() if one.club == ann.club)
        async with world.begin_log(ann) as tx:
            assert await tx.log.head() == LogHead(origin=entry.origin, size=0, root=EMPTY_ROOT)
            assert (await tx.log.tiles([(0, 0)]), await tx.log.entries(0, 10), await tx.log.keys()) == ({}, [], [])
            assert (await tx.log.checkpoint(), await tx.log.anchor()) == (None, None)

    async def test_growing_moves_the_head_and_keeps_tiles_and_entries(self, world: World, ann: Caller) -> None:
        await renamed(world, ann, "One", "Two")
        events = [one.event_id for one in await taken(world, ann)]
        async with world.begin_log(ann) as tx:
            first = await grow(tx, events[:2])
        async with world.begin_log(ann) as tx:
            assert await tx.log.head() == first
            second = await grow(tx, events[2:])
        async with world.begin_log(ann) as tx:
            assert (await tx.log.head(), second.size) == (second, 3)
            commitments = await tx.log.commitments(events)
            assert await tx.log.entries(0, 3) == [commitments[event] for event in events]
            assert await tx.log.entries(1, 2) == [commitments[events[1]]]
            assert await tx.log.entries(2, 99) == [commitments[events[2]]]
            tiles = await tx.log.tiles([(0, 0), (0, 1), (1, 0)])
            assert tiles == {(0, 0): b"".join(leaf_of(commitments[event]) for event in events)}
            assert [(await tx.log.record(event)).index for event in events] == [0, 1, 2]

    async def test_whoever_grows_from_an_old_head_writes_nothing(self, world: World, ann: Caller) -> None:
        await renamed(world, ann, "One")
        events = [one.event_id for one in await taken(world, ann)]
        async with world.begin_log(ann) as tx:
            empty = await tx.log.head()
            grown = await grow(tx, events[:1])
        for old in (empty, LogHead(origin=empty.origin, size=2, root=grown.root)):
            with pytest.raises(LogMoved):
                async with world.begin_log(ann) as tx:
                    new = LogHead(origin=old.origin, size=old.size + 1, root=bytes(32))
                    await tx.log.grow(old, new, {(0, 0): bytes(64)}, events[1:])
        async with world.begin_log(ann) as tx:
            assert await tx.log.head() == grown
            assert len((await tx.log.tiles([(0, 0)]))[0, 0]) == 32

    async def test_an_event_is_never_a_leaf_twice(self, world: World, ann: Caller) -> None:
        (event,) = [one.event_id for one in await taken(world, ann)]
        async with world.begin_log(ann) as tx:
            grown = await grow(tx, [event])
        with pytest.raises(Exception, match=r"(?i)unique"):
            async with world.begin_log(ann) as tx:
                await grow(tx, [event])
        async with world.begin_log(ann) as tx:
            assert await tx.log.head() == grown

    async def test_a_lost_leaf_stands_by_its_commitment_between_those_of_records(
        self, world: World, ann: Caller
    ) -> None:
        await renamed(world, ann, "One", "Two")
        events = [one.event_id for one in await taken(world, ann)]
        lost = [bytes([7]) * 32, bytes([8]) * 32]
        async with world.begin_log(ann) as tx:
            known = await tx.log.commitments(events)
            entries: list[UUID | bytes] = [events[0], lost[0], events[1], lost[1]]
            await tx.log.grow(await tx.log.head(), LogHead(origin="", size=4, root=bytes(32)), {}, entries)
        expected = [known[events[0]], lost[0], known[events[1]], lost[1]]
        async with world.begin_log(ann) as tx:
            assert await tx.log.entries(0, 4) == expected
            assert [await tx.log.entries(start, start + 2) for start in range(3)] == [
                expected[start : start + 2] for start in range(3)
            ]
            assert [(await tx.log.record(event)).index for event in events] == [0, 2, None]

    async def test_records_that_wait_for_their_leaf_are_found_by_their_commitment(self, scene: Scene) -> None:
        world, pending = scene.world, await taken(scene.world, scene.home)
        events = [one.event_id for one in pending]
        async with world.begin_log(scene.home) as tx:
            known = await tx.log.commitments(events)
            wanted = [known[events[1]], bytes(32), known[events[0]]]
            assert await tx.log.waiting(wanted) == {wanted[0]: pending[1], wanted[2]: pending[0]}
            await tx.log.drop("log", pending[:1])
            assert await tx.log.waiting(wanted) == {wanted[0]: pending[1]}
            assert await tx.log.waiting([]) == {}
        async with world.begin_log(scene.host) as tx:
            assert await tx.log.waiting(wanted) == {}

    async def test_keys_are_kept_in_the_order_of_the_sizes_for_which_they_hold(self, world: World, ann: Caller) -> None:
        first = LogKey(verifier_key="a+1+x", from_size=0, until_size=5)
        second = LogKey(verifier_key="a+2+y", from_size=5, until_size=None)
        async with world.begin_log(ann) as tx:
            await tx.log.add_key(second)
            await tx.log.add_key(first)
        async with world.begin_log(ann) as tx:
            assert list(await tx.log.keys()) == [first, second]

    async def test_the_newest_checkpoint_counts_when_it_covers_enough(self, world: World, ann: Caller) -> None:
        small = StoredCheckpoint(size=3, note="three", at=START)
        large = StoredCheckpoint(size=7, note="seven", at=START + timedelta(seconds=1))
        async with world.begin_log(ann) as tx:
            await tx.log.add_checkpoint(large)
            await tx.log.add_checkpoint(small)
            await tx.log.add_checkpoint(StoredCheckpoint(size=7, note="another", at=START))
        async with world.begin_log(ann) as tx:
            assert await tx.log.checkpoint() == await tx.log.checkpoint(7) == large
            assert await tx.log.checkpoint(8) is None
            assert await tx.log.checkpoint_of(3) == small
            assert await tx.log.checkpoint_of(4) is None

    async def test_the_smallest_anchor_that_covers_a_leaf_counts(self, world: World, ann: Caller) -> None:
        anchors = [StoredAnchor(size=size, evidence={"n": [size, None]}, at=START) for size in (3, 7, 9)]
        async with world.begin_log(ann) as tx:
            for anchor in reversed(anchors):
                await tx.log.add_anchor(anchor)
            await tx.log.add_anchor(StoredAnchor(size=7, evidence={}, at=START))
        async with world.begin_log(ann) as tx:
            found = [await tx.log.anchor(size) for size in (0, 1, 3, 4, 7, 9, 10)]
        three, seven, nine = anchors
        assert found == [nine, three, three, seven, seven, nine, None]

    async def test_cosignatures_are_kept_by_size_and_witness_and_the_first_one_stays(self, scene: Scene) -> None:
        world, ours, theirs = scene.world, scene.home, scene.host
        kept = [
            StoredCosignature(size=size, witness=witness, line=f"{size} {witness}", at=START)
            for size, witness in ((3, "a"), (3, "b"), (7, "a"))
        ]
        async with world.begin_log(ours) as tx:
            for size in (3, 7):
                await tx.log.add_checkpoint(StoredCheckpoint(size=size, note="n", at=START))
            for each in reversed(kept):
                await tx.log.add_cosignature(each)
            await tx.log.add_cosignature(StoredCosignature(size=3, witness="a", line="another", at=START))
        async with world.begin_log(ours) as tx:
            assert [list(await tx.log.cosignatures(size)) for size in (3, 4, 7)] == [kept[:2], [], kept[2:]]
            assert [await tx.log.cosigned(witness) for witness in ("a", "b", "c")] == [7, 3, 0]
        async with world.begin_log(theirs) as tx:
            assert (list(await tx.log.cosignatures(3)), await tx.log.cosigned("a")) == ([], 0)

    @pytest.mark.parametrize("policy", QUORUMS)
    async def test_the_first_checkpoint_with_a_quorum_is_the_one_that_the_policy_itself_would_find(
        self, scene: Scene, policy: Policy
    ) -> None:
        world, club = scene.world, scene.home
        async with world.begin_log(club) as tx:
            for size, keys in SIGNED.items():
                await tx.log.add_checkpoint(StoredCheckpoint(size=size, note="n", at=START))
                if size % 3 == 0:
                    await tx.log.add_anchor(StoredAnchor(size=size, evidence={}, at=START))
                for key in keys:
                    await tx.log.add_cosignature(StoredCosignature(size=size, witness=str(key), line="l", at=START))
        async with world.begin_log(club) as tx:
            for at_least in range(len(SIGNED) + 2):
                quorate = [size for size, keys in SIGNED.items() if size >= at_least and policy.satisfied_by(keys)]
                both = [size for size in quorate if size % 3 == 0]
                found = [await tx.log.witnessed(at_least, policy, anchored=anchored) for anchored in (False, True)]
                assert found == [next(iter(sizes), None) for sizes in (quorate, both)]
            assert await tx.log.witnessed(0, parse_policy("quorum none\n"), anchored=False) is None
        async with world.begin_log(scene.host) as tx:
            assert await tx.log.witnessed(0, policy, anchored=False) is None

    async def test_a_record_opens_its_commitment_and_has_no_index_until_it_is_a_leaf(self, scene: Scene) -> None:
        visit = await scene.requested((await scene.member()).id)
        for one in (scene.home, scene.host):
            event = (await taken(scene.world, one))[-1].event_id
            async with scene.world.begin_log(one) as tx:
                stored, origin = await tx.log.record(event), (await tx.log.head()).origin
                assert (await tx.log.commitments([event])) == {event: stored.commitment}
            read = parse_record(stored.data)
            assert (stored.index, stored.commitment) == (None, commitment(stored.salt, stored.data))
            assert (read.id, read.log, read.actor) == (str(event), origin, "ann")
            assert read.after[0].id == str(visit.id)
            entries = await scene.world.backlog.directory()
            assert stored.leading_origin == next(each.origin for each in entries if each.club == scene.host.club)

    async def test_another_club_s_log_is_closed(self, scene: Scene) -> None:
        world = scene.world
        stranger = caller((await found(world, "meadow")).id)
        member = await scene.member()
        events = [one.event_id for one in await taken(world, scene.home)]
        for club in (scene.home, scene.host, stranger):
            await world.pipeline.integrator.drain(club.of_club)
        async with world.begin_log(stranger) as tx:
            for event in events:
                with pytest.raises(RecordMissing):
                    await tx.log.record(event)
                assert not await tx.log.disclosures(event)
            assert (await tx.log.commitments(events), await tx.log.messages(events)) == ({}, {})
            assert (await tx.log.head()).size == 1
            assert len(await tx.log.entries(0, 100)) == 1
            assert [await tx.log.subject_key(key) for key in (member.id, scene.home.of_club)] == [None, None]

    async def test_an_unknown_record_is_missing(self, world: World, ann: Caller) -> None:
        async with world.begin_log(ann) as tx:
            with pytest.raises(RecordMissing):
                await tx.log.record(world.new_id())
            assert not await tx.log.disclosures(world.new_id())
            assert await tx.log.subject_key(world.new_id()) is None
            assert (await tx.log.commitments([]), await tx.log.messages([])) == ({}, {})

    async def test_a_subject_s_key_is_there_until_it_is_erased(self, world: World, ann: Caller) -> None:
        member = await enrol(world, ann)
        async with world.begin_log(ann) as tx:
            key = await tx.log.subject_key(member.id)
        assert key is not None and len(key) == 32
        await world.clubs.members.erase(ann, member.id)
        async with world.begin_log(ann) as tx:
            assert await tx.log.subject_key(member.id) is None

    async def test_the_bus_is_told_nothing_personal(self, world: World, ann: Caller) -> None:
        member = await enrol(world, ann, "Ada Canary")
        events = [one.event_id for one in await taken(world, ann)]
        async with world.begin_log(ann) as tx:
            messages = await tx.log.messages(events)
        assert len(messages) == len(events)
        assert not [each for each in messages.values() if "Ada" in str(each) or str(member.ref) in str(each)]

    async def test_the_backlog_knows_who_has_work_and_how_much(self, world: World, ann: Caller) -> None:
        before = (await world.backlog.waiting())["log"]
        await renamed(world, ann, "One", "Two")
        after = (await world.backlog.waiting())["log"]
        assert (after.rows, after.since) == (before.rows + 2, before.since)
        clubs = await world.backlog.clubs_with_work("log")
        assert clubs.count(ann.of_club) == 1
        async with world.begin_log(ann) as tx:
            await tx.log.drop("log", await tx.log.take("log", 100))
        assert ann.of_club not in await world.backlog.clubs_with_work("log")
        assert (await world.backlog.waiting()).get("log", Waiting(rows=0, since=START)).rows == before.rows - 1
        assert await world.backlog.clubs_with_work("nobody") == []

    async def test_the_keys_of_every_log_are_known_across_clubs_by_origin(self, scene: Scene) -> None:
        world = scene.world
        third = caller((await found(world, "meadow")).id)
        for club in (scene.home, scene.host):
            async with world.begin_log(club) as tx:
                await tx.log.add_key(LogKey(verifier_key=f"{club.club}+2+y", from_size=5, until_size=None))
                await tx.log.add_key(LogKey(verifier_key=f"{club.club}+1+x", from_size=0, until_size=5))
        known = await world.backlog.keys()
        for club in (scene.home, scene.host, third):
            async with world.begin_log(club) as tx:
                origin, keys = (await tx.log.head()).origin, list(await tx.log.keys())
            assert list(known.get(origin, [])) == keys
            assert [key.verifier_key for key in keys] == [f"{club.club}+{n}" for n in ("1+x", "2+y") if club != third]

    async def test_the_directory_has_every_club_in_order_of_id(self, scene: Scene) -> None:
        entries = await scene.world.backlog.directory()
        clubs = [entry.club for entry in entries]
        assert clubs == sorted(clubs)
        assert {scene.home.of_club, scene.host.of_club} <= set(clubs)
        for entry in entries:
            assert await scene.world.backlog.entry(entry.origin) == entry
        with pytest.raises(Missing):
            await scene.world.backlog.entry("local.concordat.example/nobody/1")
