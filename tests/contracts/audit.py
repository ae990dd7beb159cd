"""What every implementation of ports.audit must do: one club's rows, as they stand, in one snapshot."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeVar

import pytest
from sqlalchemy import update

from adapters.outbound.sql.audit import SqlAuditedLogs
from adapters.outbound.sql.clubs import club
from adapters.outbound.sql.database import mine
from core.log.audit.rows import Entry
from ports.audit import AuditedLogs
from ports.caller import Caller
from tests.contracts.worlds import InWorlds, renamed
from tests.support.scenes import Scene, enrol
from tests.support.world import World

T = TypeVar("T")


async def every(windows: AsyncIterator[Sequence[T]]) -> list[T]:
    return list(chain.from_iterable([window async for window in windows]))


class AuditedLogsContract(InWorlds):
    """A backend brings `make`: the URL of a migrated database."""

    def make(self, request: pytest.FixtureRequest) -> str:
        raise NotImplementedError

    @pytest.fixture
    def logs(self, world: World) -> AuditedLogs:
        """Windows of two, so that every page is turned."""
        return SqlAuditedLogs(world.database, window=2)

    async def test_records_without_a_leaf_are_unplaced_and_wait_then_they_are_entries(
        self, world: World, ann: Caller, logs: AuditedLogs
    ) -> None:
        await renamed(world, ann, "One", "Two", "Three", "Four")
        async with logs.of(ann.of_club) as look:
            waiting: list[Entry] = await every(look.unplaced())
            assert [entry.place for entry in waiting] == [None] * 5
            assert {row.consumer for row in await every(look.pending())} == {"log", "relay"}
        await world.pipeline.integrate()
        async with logs.of(ann.of_club) as look:
            assert await every(look.unplaced()) == []
            placed = await look.entries(0, 100)
            assert [entry.place for entry in placed] == [0, 1, 2, 3, 4]
            assert {entry.event_id for entry in placed} == {entry.event_id for entry in waiting}
            assert (await look.extent()).highest_leaf == 4
            head = await look.head()
            assert head is not None
            assert head.size == 5

    async def test_lost_leaves_are_given_by_their_place(self, world: World, ann: Caller, logs: AuditedLogs) -> None:
        async with world.begin_log(ann) as tx:
            head = await tx.log.head()
            await tx.log.grow(head, replace(head, size=5), {}, [bytes([number]) * 32 for number in range(5)])
        async with logs.of(ann.of_club) as look:
            assert [(row.place, row.commitment) for row in await look.lost(1, 3)] == [
                (1, bytes([1]) * 32),
                (2, bytes([2]) * 32),
            ]
            assert [row.place for row in await every(look.lost_beyond(2))] == [2, 3, 4]

    async def test_aggregates_are_given_with_their_newest_record_and_their_history(
        self, world: World, ann: Caller, logs: AuditedLogs
    ) -> None:
        await renamed(world, ann, "One", "Two")
        key = str(ann.of_club)
        async with logs.of(ann.of_club) as look:
            (newest,) = await look.newest("club", [key])
            history = await look.history("club", key)
            live = await every(look.live("club"))
            assert newest == history[-1]
            assert len(history) == 3
            assert len(live) == 1
            assert await every(look.gone("club")) == []
            assert await every(look.unspoken("club", ["club"])) == []
            assert await look.count("club") == 1

    async def test_only_the_club_s_own_log_is_shown(self, world: World, scene: Scene, logs: AuditedLogs) -> None:
        await scene.checked_in((await scene.member()).id)
        async with logs.of(scene.home.of_club) as look:
            home = {(entry.event_id, entry.record) for entry in await every(look.unplaced())}
            partners = await look.partners()
        async with logs.of(scene.host.of_club) as look:
            host = {(entry.event_id, entry.record) for entry in await every(look.unplaced())}
        assert {str(scene.host.of_club)} == {str(partner) for partner in partners if partner} - {
            str(scene.home.of_club)
        }
        assert home & host == set()

    async def test_disclosures_and_subjects_are_given_for_their_records(
        self, world: World, ann: Caller, logs: AuditedLogs
    ) -> None:
        member = await enrol(world, ann)
        async with logs.of(ann.of_club) as look:
            entries = await every(look.of_types(["clubs.member_enrolled"]))
            values = await look.disclosures([str(entry.event_id) for entry in entries])
            (subject,) = await look.subjects([str(member.id)])
            assert {row.name for row in values} >= {"name", "number", "category"}
            assert {row.subject for row in values} == {subject.id}
            assert await look.disclosures_of(str(member.id), 2) != []

    async def test_what_was_tampered_with_is_handed_out_as_it_is(
        self, world: World, ann: Caller, logs: AuditedLogs
    ) -> None:
        await renamed(world, ann, "One")
        async with world.database.transaction(ann.of_club) as session:
            await session.change(update(club).where(mine(club)).values(zone="Nowhere/At all"))
        async with logs.of(ann.of_club) as look:
            (row,) = await every(look.live("club"))
        assert "Nowhere/At all" in str(row)

    async def test_the_directory_lists_every_club(self, scene: Scene, logs: AuditedLogs) -> None:
        listed = {str(row.club) for row in await logs.directory()}
        assert {str(scene.home.of_club), str(scene.host.of_club)} <= listed


class AuditedBesideWritersContract(AuditedLogsContract):
    """The same where writers go on meanwhile: everywhere but in memory, where there is one connection."""

    async def test_a_snapshot_does_not_see_what_is_committed_meanwhile(
        self, world: World, ann: Caller, logs: AuditedLogs
    ) -> None:
        async with logs.of(ann.of_club) as look:
            before = len(await every(look.unplaced()))
            await renamed(world, ann, "Meanwhile")
            assert len(await every(look.unplaced())) == before
        async with logs.of(ann.of_club) as look:
            assert len(await every(look.unplaced())) == before + 1
