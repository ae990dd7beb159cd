"""What every implementation of ports.reader must do."""

from dataclasses import replace
from uuid import UUID

import pytest

from app.clubs.agreements import AgreementView
from app.clubs.clubs import ClubView
from app.clubs.members import EnrolMember, MemberView
from app.clubs.visits import CheckIn, VisitView
from core.clubs.visit_states import VisitState
from ports.caller import Caller
from ports.unit_of_work import Missing
from shared.paging import Page, PageRequest
from tests.contracts.worlds import InWorlds
from tests.support.scenes import Scene, enrol, found
from tests.support.world import World, caller

CATEGORIES = ("full", "junior", "full", "senior", "full", "full", "junior")


@pytest.fixture
async def members(world: World, ann: Caller) -> list[UUID]:
    """Seven members in the order in which they were enrolled, four of them full ones."""
    enrolled = []
    for number, category in enumerate(CATEGORIES):
        command = EnrolMember(number=f"N-{number}", name="Ada", category=category)
        enrolled.append((await world.clubs.members.enrol(ann, command)).id)
    return enrolled


def keys(page: Page[MemberView]) -> list[UUID]:
    return [row.id for row in page.data]


class ReaderContract(InWorlds):
    """A backend brings `make`: the URL of a migrated database."""

    def make(self, request: pytest.FixtureRequest) -> str:
        raise NotImplementedError

    async def test_a_view_shows_what_the_aggregate_holds(self, scene: Scene) -> None:
        world, read = scene.world, scene.world.read
        member = await scene.member()
        decision = await scene.checked_in(member.id)
        assert decision.visit is not None
        visit = await world.clubs.visits.check_out(scene.host, decision.visit.id)
        for club in (scene.home, scene.host):
            assert await read.one(club, VisitView, visit.id) == visit
            assert await read.one(club, AgreementView, scene.agreement.id) == scene.agreement
        assert await read.one(scene.home, MemberView, member.id) == member
        meadow = await found(world, "meadow")
        assert await read.one(caller(meadow.id), ClubView, meadow.id) == meadow

    async def test_an_unknown_row_is_missing(self, world: World, ann: Caller) -> None:
        for view in (ClubView, MemberView, AgreementView, VisitView):
            with pytest.raises(Missing) as missing:
                await world.read.one(ann, view, world.new_id())
            assert missing.value.parameters == {"kind": view.kind}

    async def test_another_club_s_row_is_the_same_as_none(self, scene: Scene) -> None:
        world = scene.world
        visit = await scene.requested((await scene.member()).id)
        stranger = caller((await found(world, "meadow")).id)
        foreign: tuple[tuple[Caller, type[VisitView | AgreementView | ClubView], UUID], ...] = (
            (stranger, VisitView, visit.id),
            (stranger, AgreementView, scene.agreement.id),
            (scene.host, ClubView, scene.home.of_club),
            (replace(scene.home, club=None), VisitView, visit.id),
        )
        for club, view, key in foreign:
            with pytest.raises(Missing) as missing:
                await world.read.one(club, view, key)
            assert missing.value.parameters == {"kind": view.kind}
            page = await world.read.page(club, view, PageRequest())
            assert key not in [row.id for row in page.data]

    async def test_a_member_is_seen_by_the_own_club_alone(self, scene: Scene) -> None:
        member = await scene.member()
        with pytest.raises(Missing):
            await scene.world.read.one(scene.host, MemberView, member.id)
        assert (await scene.world.read.page(scene.host, MemberView, PageRequest())).data == []

    async def test_pages_forwards_reach_the_end_with_every_row_once(
        self, world: World, ann: Caller, members: list[UUID]
    ) -> None:
        first = await world.read.page(ann, MemberView, PageRequest(limit=3))
        second = await world.read.page(ann, MemberView, PageRequest(limit=3, after=first.next))
        third = await world.read.page(ann, MemberView, PageRequest(limit=3, after=second.next))
        assert [keys(first), keys(second), keys(third)] == [members[:3], members[3:6], members[6:]]
        assert (first.prev, third.next) == (None, None)
        assert None not in (first.next, second.prev, second.next, third.prev)

    async def test_pages_backwards_reach_the_beginning_with_every_row_once(
        self, world: World, ann: Caller, members: list[UUID]
    ) -> None:
        last = await world.read.page(ann, MemberView, PageRequest(limit=3, after=members[3]))
        middle = await world.read.page(ann, MemberView, PageRequest(limit=3, before=last.prev))
        first = await world.read.page(ann, MemberView, PageRequest(limit=3, before=middle.prev))
        assert [keys(first), keys(middle), keys(last)] == [members[:1], members[1:4], members[4:]]
        assert (first.prev, last.next) == (None, None)
        again = await world.read.page(ann, MemberView, PageRequest(limit=3, after=first.next))
        assert keys(again) == members[1:4]

    async def test_a_page_that_takes_the_last_row_exactly_has_no_next(
        self, world: World, ann: Caller, members: list[UUID]
    ) -> None:
        whole = await world.read.page(ann, MemberView, PageRequest(limit=7))
        assert (keys(whole), whole.next, whole.prev) == (members, None, None)
        half = await world.read.page(ann, MemberView, PageRequest(limit=3, before=members[3]))
        assert (keys(half), half.prev, half.next) == (members[:3], None, members[2])

    async def test_an_empty_list_is_a_page_without_neighbours(self, world: World, ann: Caller) -> None:
        for view in (MemberView, AgreementView, VisitView):
            page = await world.read.page(ann, view, PageRequest())
            assert (list(page.data), page.next, page.prev) == ([], None, None)

    async def test_a_filter_holds_on_every_page(self, world: World, ann: Caller, members: list[UUID]) -> None:
        full = [key for key, category in zip(members, CATEGORIES, strict=True) if category == "full"]
        where = {"category": "full"}
        first = await world.read.page(ann, MemberView, PageRequest(limit=3), where)
        second = await world.read.page(ann, MemberView, PageRequest(limit=3, after=first.next), where)
        back = await world.read.page(ann, MemberView, PageRequest(limit=3, before=second.prev), where)
        assert [keys(first), keys(second), keys(back)] == [full[:3], full[3:], full[:3]]
        both = await world.read.page(ann, MemberView, PageRequest(), {"category": "junior", "number": "N-6"})
        assert keys(both) == [members[6]]

    async def test_a_filter_s_value_is_a_value_and_nothing_else(
        self, world: World, ann: Caller, members: list[UUID]
    ) -> None:
        assert members
        for value in ("%", "f_ll", "' OR 1=1--", "full\\", ""):
            assert not (await world.read.page(ann, MemberView, PageRequest(), {"category": value})).data

    async def test_a_filter_by_state_takes_the_state_itself(self, scene: Scene) -> None:
        world, member = scene.world, await scene.member()
        arrived = (await scene.checked_in(member.id)).visit
        booked = await scene.requested((await enrol(world, scene.home)).id)
        assert arrived is not None
        for state, key in ((VisitState.CHECKED_IN, arrived.id), (VisitState.REQUESTED, booked.id)):
            page = await world.read.page(scene.host, VisitView, PageRequest(), {"state": state})
            assert [row.id for row in page.data] == [key]

    async def test_paging_from_another_club_s_row_shows_own_rows_alone(
        self, world: World, ann: Caller, members: list[UUID]
    ) -> None:
        other = caller((await found(world, "meadow")).id)
        theirs = await enrol(world, other)
        assert keys(await world.read.page(ann, MemberView, PageRequest(before=theirs.id))) == members
        assert keys(await world.read.page(other, MemberView, PageRequest(after=members[0]))) == [theirs.id]

    async def test_a_read_sees_what_was_committed_just_before(self, scene: Scene) -> None:
        visit = await scene.confirmed((await scene.member()).id)
        await scene.world.clubs.visits.check_in(scene.host, visit.id, CheckIn())
        shown = await scene.world.read.one(scene.home, VisitView, visit.id)
        assert (shown.state, shown.version) == (VisitState.CHECKED_IN, 3)
