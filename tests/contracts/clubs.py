"""What every implementation of ports.clubs must do; keys, erasure and verdicts stand in the suite of subjects."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import TypeVar
from uuid import UUID

import pytest

from app.clubs.agreements import DraftAgreement, SuspendAgreement
from app.clubs.clubs import AmendClub, FoundClub
from app.clubs.members import EnrolMember
from app.clubs.visits import CheckIn, EndVisit
from core.clubs.geography import Position
from core.clubs.visit import Visit
from core.clubs.visit_refusals import AlreadyCheckedIn
from core.clubs.visit_states import VisitState
from ports.caller import Caller
from ports.clubs import AgreementExists, NeverCheckedIn, NumberTaken, SlugTaken
from ports.unit_of_work import Missing
from shared.errors import StaleVersion
from shared.events import Aggregate
from tests.contracts.worlds import InWorlds, name_of
from tests.support.scenes import Scene, agree, enrol, found, terms
from tests.support.world import TODAY, World, caller

A = TypeVar("A", bound=Aggregate)
RESERVED = frozenset({VisitState.CONFIRMED, VisitState.CHECKED_IN, VisitState.CHECKED_OUT})


def _next(aggregate: A) -> A:
    """The aggregate as a change would leave it."""
    return replace(aggregate, version=aggregate.version + 1)


@pytest.fixture
async def stranger(world: World) -> Caller:
    """Somebody of a club that has nothing to do with the scene."""
    return caller((await found(world, "meadow")).id, "eve")


class ClubsContract(InWorlds):
    """A backend brings `make`: the URL of a migrated database."""

    def make(self, request: pytest.FixtureRequest) -> str:
        raise NotImplementedError

    async def test_a_club_is_got_by_itself_alone_and_known_to_everybody(self, scene: Scene) -> None:
        async with scene.world.begin(scene.host) as tx:
            assert (await tx.clubs.get(scene.host.of_club)).name == "Summit"
            for key in (scene.home.of_club, scene.world.new_id()):
                with pytest.raises(Missing) as missing:
                    await tx.clubs.get(key)
                assert missing.value.parameters == {"kind": "club"}
            assert (await tx.clubs.entry(scene.home.of_club)).name == "Harbour"
            with pytest.raises(Missing):
                await tx.clubs.entry(scene.world.new_id())

    async def test_a_slug_that_another_club_has_is_taken_and_nothing_is_left(self, world: World, ann: Caller) -> None:
        slug = (await world.clubs.clubs.get(ann, ann.of_club)).slug
        before = await world.backlog.directory()
        position = Position(latitude_microdegrees=0, longitude_microdegrees=0)
        command = FoundClub(slug=slug, name="Other", zone="Europe/Berlin", currency="EUR", position=position)
        with pytest.raises(SlugTaken) as taken:
            await world.clubs.clubs.found(caller(None), command)
        assert taken.value.parameters == {"slug": slug}
        assert await world.backlog.directory() == before

    async def test_what_a_club_says_of_itself_is_what_the_directory_says(self, scene: Scene) -> None:
        position = Position(latitude_microdegrees=1, longitude_microdegrees=-2)
        change = AmendClub(name="Haven", zone="Europe/Paris", position=position)
        async with scene.world.begin(scene.host) as tx:
            before = await tx.clubs.entry(scene.home.of_club)
        await scene.world.clubs.clubs.amend(scene.home, scene.home.of_club, change)
        async with scene.world.begin(scene.host) as tx:
            entry = await tx.clubs.entry(scene.home.of_club)
        named = replace(before, name="Haven", zone="Europe/Paris")
        assert entry == replace(named, latitude_microdegrees=1, longitude_microdegrees=-2)

    async def test_an_aggregate_that_changed_meanwhile_is_not_overwritten(self, scene: Scene) -> None:
        world, member = scene.world, await scene.member()
        visit = await scene.requested(member.id)
        async with world.begin(scene.home) as tx:
            changed = {
                "clubs": _next(await tx.clubs.get(scene.home.of_club)),
                "members": _next(await tx.members.get(member.id)),
                "agreements": _next(await tx.agreements.get(scene.agreement.id)),
                "visits": _next(await tx.visits.get(visit.id)),
            }
            for repository, aggregate in changed.items():
                await getattr(tx, repository).save(aggregate)
        for repository, aggregate in changed.items():
            with pytest.raises(StaleVersion):
                async with world.begin(scene.home) as tx:
                    await getattr(tx, repository).save(aggregate)
        assert await name_of(world, scene.home) == "Harbour"

    async def test_a_member_is_the_own_club_s_alone(self, scene: Scene) -> None:
        member = await scene.member()
        assert member.ref is not None
        async with scene.world.begin(scene.home) as tx:
            assert await tx.members.get(member.id) == await tx.members.by_ref(member.ref)
        async with scene.world.begin(scene.host) as tx:
            for lookup in (tx.members.get(member.id), tx.members.by_ref(member.ref)):
                with pytest.raises(Missing) as missing:
                    await lookup
                assert missing.value.parameters == {"kind": "member"}

    async def test_an_erased_member_is_behind_no_reference(self, scene: Scene) -> None:
        member = await scene.member()
        assert member.ref is not None
        await scene.world.clubs.members.erase(scene.home, member.id)
        async with scene.world.begin(scene.home) as tx:
            assert (await tx.members.get(member.id)).erased
            with pytest.raises(Missing):
                await tx.members.by_ref(member.ref)

    async def test_mem5_a_number_is_never_used_again_not_even_after_erasure(self, scene: Scene) -> None:
        members, command = scene.world.clubs.members, EnrolMember(number="N-1", name="Ada", category="full")
        member = await members.enrol(scene.home, command)
        for _ in range(2):
            with pytest.raises(NumberTaken):
                await members.enrol(scene.home, command)
            if not (await members.get(scene.home, member.id)).erased:
                await members.erase(scene.home, member.id)
        await members.enrol(scene.home, replace(command, number="N-2"))
        await members.enrol(scene.host, command)

    async def test_a_draft_is_its_author_s_alone(self, scene: Scene, stranger: Caller) -> None:
        agreements = scene.world.clubs.agreements
        draft = await agreements.draft(scene.home, DraftAgreement(partner=stranger.of_club, terms=terms()))
        for other in (stranger, scene.host):
            await self._is_missing(scene, other, draft.id)
        await agreements.propose(scene.home, draft.id)
        async with scene.world.begin(stranger) as tx:
            agreement = await tx.agreements.get(draft.id)
            assert agreement.version == 2
            assert await tx.agreements.relied_on(draft.id) == agreement
        await self._is_missing(scene, scene.host, draft.id)

    async def _is_missing(self, scene: Scene, club: Caller, agreement: UUID) -> None:
        async with scene.world.begin(club) as tx:
            for lookup in (tx.agreements.get(agreement), tx.agreements.relied_on(agreement)):
                with pytest.raises(Missing) as missing:
                    await lookup
                assert missing.value.parameters == {"kind": "agreement"}

    async def test_the_agreement_between_two_clubs_is_the_live_one_else_the_newest_that_held(
        self, scene: Scene, stranger: Caller
    ) -> None:
        world, home, host = scene.world, scene.home.of_club, scene.host.of_club
        await world.clubs.agreements.draft(scene.home, DraftAgreement(partner=host, terms=terms()))
        await world.clubs.agreements.suspend(scene.host, scene.agreement.id, SuspendAgreement(reason="Storm"))
        async with world.begin(scene.home) as tx:
            for one, other in ((home, host), (host, home)):
                assert (await tx.agreements.newest_between(one, other, "visits")).id == scene.agreement.id
            for pair, scope in (((home, host), "dining"), ((home, stranger.of_club), "visits")):
                with pytest.raises(Missing):
                    await tx.agreements.newest_between(*pair, scope)
        async with world.begin(stranger) as tx:
            with pytest.raises(Missing):
                await tx.agreements.newest_between(home, host, "visits")

    async def test_an_agreement_that_ended_gives_way_to_one_that_holds(self, scene: Scene) -> None:
        ended = await self._ended(scene)
        async with scene.world.begin(scene.host) as tx:
            found = await tx.agreements.newest_between(scene.host.of_club, scene.home.of_club, "visits")
        assert found.id == ended
        second = await agree(scene.world, scene.host, scene.home)
        async with scene.world.begin(scene.home) as tx:
            found = await tx.agreements.newest_between(scene.host.of_club, scene.home.of_club, "visits")
        assert found.id == second.id

    async def _ended(self, scene: Scene) -> UUID:
        """Ends the scene's agreement by notice."""
        await scene.world.clubs.agreements.give_notice(scene.home, scene.agreement.id)
        scene.world.clock.forward(days=31)
        assert await scene.world.clubs.agreements.conclude(scene.home.of_club) == 1
        return scene.agreement.id

    async def test_the_proposer_looks_after_live_agreements(self, scene: Scene, stranger: Caller) -> None:
        await scene.world.clubs.agreements.draft(scene.home, DraftAgreement(partner=stranger.of_club, terms=terms()))
        suspended = await agree(scene.world, scene.home, stranger)
        await scene.world.clubs.agreements.suspend(stranger, suspended.id, SuspendAgreement(reason="Storm"))
        for club, live in ((scene.home, [scene.agreement.id, suspended.id]), (scene.host, []), (stranger, [])):
            async with scene.world.begin(club) as tx:
                assert [one.id for one in await tx.agreements.live()] == live

    async def test_agr1_a_second_active_agreement_of_a_pair_and_scope_exists_already(self, scene: Scene) -> None:
        for proposer, partner in ((scene.home, scene.host), (scene.host, scene.home)):
            with pytest.raises(AgreementExists):
                await agree(scene.world, proposer, partner)
        await scene.world.clubs.agreements.suspend(scene.home, scene.agreement.id, SuspendAgreement(reason="Storm"))
        with pytest.raises(AgreementExists):
            await agree(scene.world, scene.home, scene.host)
        await self._ended(scene)
        await agree(scene.world, scene.host, scene.home)

    async def test_a_visit_is_seen_by_exactly_its_two_clubs(self, scene: Scene, stranger: Caller) -> None:
        member = await scene.member()
        visit = await scene.requested(member.id)
        for club in (scene.home, scene.host):
            async with scene.world.begin(club) as tx:
                assert await tx.visits.get(visit.id) == await tx.visits.held(visit.id)
                assert [one.id for one in await tx.visits.of_member(visit.member_ref)] == [visit.id]
        async with scene.world.begin(stranger) as tx:
            for lookup in (tx.visits.get(visit.id), tx.visits.held(visit.id)):
                with pytest.raises(Missing) as missing:
                    await lookup
                assert missing.value.parameters == {"kind": "visit"}
            assert not await tx.visits.of_member(visit.member_ref)

    async def test_vis5_a_member_is_checked_in_once_whatever_the_host(self, scene: Scene, stranger: Caller) -> None:
        await agree(scene.world, scene.home, stranger)
        elsewhere = replace(scene, host=stranger)
        member = await scene.member()
        first, second = await scene.confirmed(member.id), await elsewhere.confirmed(member.id)
        checked_in = (await scene.world.clubs.visits.check_in(scene.host, first.id, CheckIn())).visit
        assert checked_in is not None
        with pytest.raises(AlreadyCheckedIn):
            await scene.world.clubs.visits.check_in(stranger, second.id, CheckIn())
        await scene.world.clubs.visits.check_out(scene.host, first.id)
        assert (await scene.world.clubs.visits.check_in(stranger, second.id, CheckIn())).eligible

    async def test_vis6_consumed_days_are_those_of_other_visits_once_for_each(
        self, scene: Scene, stranger: Caller
    ) -> None:
        await agree(scene.world, scene.home, stranger)
        member, other = await scene.member(), await scene.member()
        first = await scene.confirmed(member.id, TODAY, TODAY + timedelta(days=1))
        again = await scene.confirmed(member.id, TODAY + timedelta(days=1))
        await scene.requested(member.id, TODAY + timedelta(days=9))
        await scene.confirmed(other.id, TODAY + timedelta(days=5))
        await replace(scene, host=stranger).confirmed(member.id, TODAY + timedelta(days=7))
        async with scene.world.begin(scene.host) as tx:
            consumed = await tx.visits.consumed(
                scene.agreement.id, first.member_ref, RESERVED, but=scene.world.new_id()
            )
            others = await tx.visits.consumed(scene.agreement.id, first.member_ref, RESERVED, but=first.id)
            open_ones = await tx.visits.consumed(
                scene.agreement.id, first.member_ref, frozenset({VisitState.REQUESTED}), but=again.id
            )
        tomorrow = TODAY + timedelta(days=1)
        assert list(consumed) == [TODAY, tomorrow, tomorrow]
        assert list(others) == [tomorrow]
        assert list(open_ones) == [TODAY + timedelta(days=9)]

    async def test_visits_of_a_member_come_oldest_first(self, scene: Scene) -> None:
        member, days = await scene.member(), [TODAY + timedelta(days=days) for days in (8, 2, 5)]
        visits = [await scene.requested(member.id, day) for day in days]
        async with scene.world.begin(scene.home) as tx:
            found = await tx.visits.of_member(visits[0].member_ref)
        assert [one.id for one in found] == [one.id for one in visits]

    async def test_visits_that_are_due_are_the_host_s_that_have_not_ended_the_oldest_days_first(
        self, scene: Scene, stranger: Caller
    ) -> None:
        yesterday, tomorrow, later = (TODAY + timedelta(days=days) for days in (-1, 1, 2))
        asked = await scene.requested((await scene.member()).id, later)
        booked = await scene.confirmed((await scene.member()).id, TODAY, tomorrow)
        inside = (await scene.checked_in((await scene.member()).id)).visit
        ended = await scene.confirmed((await scene.member()).id)
        await scene.world.clubs.visits.cancel(scene.home, ended.id, EndVisit(reason="Rain"))
        assert inside is not None

        async def due(club: Caller, ahead: date, in_house: date, most: int = 9) -> list[UUID]:
            async with scene.world.begin(club) as tx:
                return list(await tx.visits.due(ahead=ahead, inside=in_house, most=most))

        assert await due(scene.host, later, later) == [inside.id, booked.id, asked.id]
        assert await due(scene.host, later, later, most=2) == [inside.id, booked.id]
        assert await due(scene.host, later, yesterday) == [booked.id, asked.id]
        assert await due(scene.host, yesterday, TODAY) == [inside.id]
        assert await due(scene.host, tomorrow, yesterday) == [booked.id]
        for other in (scene.home, stranger):
            assert await due(other, later, later) == []

    async def test_time_ends_the_visits_to_a_club_in_both_logs_and_leaves_no_grant(self, scene: Scene) -> None:
        visits = scene.world.clubs.visits
        asked = await scene.requested((await scene.member()).id)
        booked = await scene.confirmed((await scene.member()).id)
        inside = (await scene.checked_in((await scene.member()).id)).visit
        ahead = await scene.confirmed((await scene.member()).id, TODAY + timedelta(days=3))
        assert inside is not None
        scene.world.clock.forward(days=1)
        assert await visits.conclude(scene.home.of_club) == 0
        assert await visits.conclude(scene.host.of_club) == 3
        assert await visits.conclude(scene.host.of_club) == 0
        ended = {asked.id: "cancelled", booked.id: "no_show", inside.id: "checked_out", ahead.id: "confirmed"}
        for club in (scene.home, scene.host):
            assert {key: (await visits.get(club, key)).state.value for key in ended} == ended
            async with scene.world.begin(club) as tx:
                for key in (asked.id, booked.id, inside.id):
                    with pytest.raises(Missing):
                        await tx.grants.get(key)
                await tx.grants.get(ahead.id)
            async with scene.world.begin_log(club) as log:
                events = [one.event_id for one in await log.log.take("log", 100)]
                told = [message.type for message in (await log.log.messages(events)).values()]
            for name in ("lapsed", "marked_no_show", "checked_out"):
                assert told.count(f"clubs.visit_{name}") == 1

    async def test_a_visit_is_admitted_by_its_check_in_and_by_nothing_before_or_after(
        self, scene: Scene, stranger: Caller
    ) -> None:
        member, other = await scene.member(), await scene.member()
        confirmed = await scene.confirmed(other.id, TODAY + timedelta(days=1))
        decision = await scene.checked_in(member.id)
        assert decision.visit is not None
        await scene.world.clubs.visits.check_out(scene.host, decision.visit.id)
        await scene.world.clubs.members.erase(scene.home, member.id)
        for club in (scene.home, scene.host):
            async with scene.world.begin(club) as tx:
                assert await tx.visits.admission(decision.visit.id) == decision.receipt
                with pytest.raises(NeverCheckedIn):
                    await tx.visits.admission(confirmed.id)
        async with scene.world.begin(stranger) as tx:
            for key in (decision.visit.id, confirmed.id, scene.world.new_id()):
                with pytest.raises(Missing) as missing:
                    await tx.visits.admission(key)
                assert missing.value.parameters == {"kind": "visit"}

    async def test_decisions_about_a_member_are_made_one_at_a_time(self, scene: Scene) -> None:
        visit, order = await scene.requested((await scene.member()).id), []

        async def decide(club: Caller, name: str) -> Visit:
            async with scene.world.begin(club) as tx:
                held = await tx.visits.held(visit.id)
                order.append(name)
                await asyncio.sleep(0.02)
                order.append(name)
                return held

        await asyncio.gather(*(decide(club, name) for club, name in ((scene.home, "a"), (scene.host, "b")) * 2))
        assert order[::2] == order[1::2]

    async def test_a_grant_is_read_by_exactly_its_two_clubs(self, scene: Scene, stranger: Caller) -> None:
        member = await scene.member()
        visit = await scene.requested(member.id)
        async with scene.world.begin(scene.host) as tx:
            grant = await tx.grants.get(visit.id)
        assert (grant.member_ref, grant.category, grant.facts) == (member.ref, "full", member.facts)
        async with scene.world.begin(stranger) as tx:
            with pytest.raises(Missing):
                await tx.grants.get(visit.id)
            await tx.grants.drop(visit.id)
        async with scene.world.begin(scene.host) as tx:
            assert not await tx.grants.of_member(visit.member_ref)
        async with scene.world.begin(scene.home) as tx:
            assert await tx.grants.of_member(visit.member_ref) == [grant]

    async def test_a_grant_put_again_is_rewritten_and_dropped_by_either_club(self, scene: Scene) -> None:
        member = await scene.member()
        visits = [await scene.requested(member.id, TODAY + timedelta(days=days)) for days in range(2)]
        async with scene.world.begin(scene.home) as tx:
            grant = replace(await tx.grants.get(visits[0].id), category="junior")
            await tx.grants.put(grant)
        async with scene.world.begin(scene.host) as tx:
            assert await tx.grants.get(visits[0].id) == grant
        for club, visit in zip((scene.home, scene.host), visits, strict=True):
            async with scene.world.begin(club) as tx:
                await tx.grants.drop(visit.id)
            for either in (scene.home, scene.host):
                async with scene.world.begin(either) as tx:
                    with pytest.raises(Missing):
                        await tx.grants.get(visit.id)

    async def test_a_visit_that_ended_leaves_no_grant(self, scene: Scene) -> None:
        visit = await scene.requested((await scene.member()).id)
        await scene.world.clubs.visits.cancel(scene.home, visit.id, EndVisit(reason="Rain"))
        async with scene.world.begin(scene.home) as tx:
            assert not await tx.grants.of_member(visit.member_ref)

    async def test_counts_add_up_for_both_clubs_newest_month_first(self, scene: Scene, stranger: Caller) -> None:
        host, home = scene.host.of_club, scene.home.of_club
        for month in ("2026-02", "2026-03", "2026-03"):
            async with scene.world.begin(scene.host) as tx:
                await tx.visit_counts.add(host, home, month)
        for club in (scene.home, scene.host):
            async with scene.world.begin(club) as tx:
                counts = await tx.visit_counts.of_club()
            assert [(each.host_club, each.home_club) for each in counts] == [(host, home)] * 2
            assert [(each.month, each.visits) for each in counts] == [("2026-03", 2), ("2026-02", 1)]
        async with scene.world.begin(stranger) as tx:
            assert not await tx.visit_counts.of_club()

    async def test_enrolment_for_a_club_that_does_not_exist_finds_no_club(self, world: World) -> None:
        with pytest.raises(Missing) as missing:
            await enrol(world, caller(world.new_id()))
        assert missing.value.parameters == {"kind": "club"}
