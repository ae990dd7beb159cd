"""What holds however many act at once; a subclass brings the processes: worlds over one database."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from app.clubs.agreements import AcceptTerms, AgreementView, DraftAgreement
from app.clubs.clubs import AmendClub, Clubs, ClubView, FoundClub
from app.clubs.members import EnrolMember, MemberView, RecordFact
from app.clubs.visits import CheckIn, ConfirmVisit, Decision, Visits, VisitView
from core.clubs.eligibility import QUOTA_EXCEEDED
from core.clubs.standing import FactKind
from core.clubs.terms import Quota, Window
from core.clubs.visit_refusals import AlreadyCheckedIn, WrongState
from ports.caller import Caller
from ports.clubs import AgreementExists, NumberTaken, SlugTaken
from ports.unit_of_work import Begin, InFlight, Missing, Replayed
from shared.canonical import plain
from shared.errors import StaleVersion
from tests.integration.sql.hasty import Hasty, Purge, Unmarked
from tests.support.scenes import Scene, agree, found, terms, two_clubs
from tests.support.world import TODAY, World, caller

ANSWERS = 20

GUARDS = ("uq_visit_open", "uq_agreement_live")
"""Indexes by which the database itself refuses what two transactions at once could not see of each other."""

ONE_OF_TWO = {Decision: 1, AlreadyCheckedIn: 1}


async def at_once(*work: Awaitable[Any]) -> list[Any]:
    """What each of them returned or raised."""
    return list(await asyncio.gather(*work, return_exceptions=True))


def kinds(outcomes: Sequence[object]) -> Counter[type]:
    return Counter(type(outcome) for outcome in outcomes)


async def types_in_log(world: World, club: Caller) -> Counter[str]:
    """How many events of each type are recorded in a club's log."""
    async with world.begin_log(club) as tx:
        events = [one.event_id for one in await tx.log.take("log", 10_000)]
        return Counter(message.type for message in (await tx.log.messages(events)).values())


def _visits_of(worlds: Sequence[World]) -> list[Visits]:
    return [world.clubs.visits for world in worlds]


def _hasty_visits_of(worlds: Sequence[World], callers: int) -> list[Visits]:
    """Planted bug: all of so many callers read before any of them takes a lock."""
    gate = asyncio.Barrier(callers)
    return [replace(world.clubs.visits, begin=Hasty(world, gate.wait)) for world in worlds]


class Concurrency:
    """`worlds` is a fixture: the processes that share a database, at least one. Each checker is seen failing as well.

    `unguarded` is another one: the same over a database of their own, without the indexes named in `GUARDS`.
    """

    async def test_of_a_hundred_calls_with_one_key_one_has_an_effect(self, worlds: list[World]) -> None:
        scene, once, visit = await self._one_key(worlds)
        outcomes = await self._calls(_visits_of(worlds), once, visit, 100)
        assert kinds(outcomes).keys() <= {Decision, Replayed, InFlight}
        (decision,) = [outcome for outcome in outcomes if isinstance(outcome, Decision)]
        assert decision.eligible
        assert (await types_in_log(worlds[0], scene.host))["clubs.visit_checked_in"] == 1
        for world in worlds:
            (replay,) = await at_once(world.clubs.visits.check_in(once, visit, CheckIn()))
            assert isinstance(replay, Replayed)
            assert json.loads(replay.answer) == plain(decision)

    async def test_a_key_that_is_looked_up_before_its_lock_is_taken_would_be_noticed(self, worlds: list[World]) -> None:
        _, once, visit = await self._one_key(worlds)
        outcomes = await self._calls(_hasty_visits_of(worlds, 10), once, visit, 10)
        assert not kinds(outcomes).keys() <= {Decision, Replayed, InFlight}

    async def _one_key(self, worlds: list[World]) -> tuple[Scene, Caller, UUID]:
        """A desk under one key, and the visit that it will check in."""
        scene = await two_clubs(worlds[0])
        visit = await scene.confirmed((await scene.member()).id)
        return scene, scene.host.under("check_in", "one-key", visit.id, CheckIn()), visit.id

    async def _calls(self, at: Sequence[Visits], once: Caller, visit: UUID, number: int) -> list[Any]:
        return await at_once(*(at[call % len(at)].check_in(once, visit, CheckIn()) for call in range(number)))

    async def test_a_key_that_is_used_again_while_it_is_purged_keeps_its_new_answer(self, worlds: list[World]) -> None:
        started = asyncio.Event()
        started.set()
        for _ in range(5):
            assert await self._lost_answers(worlds, worlds[-1].purge.tick, started, asyncio.Event()) == 0

    async def test_a_purge_that_looks_first_and_deletes_later_would_be_noticed(self, worlds: list[World]) -> None:
        hasty = Purge(worlds[-1])
        assert await self._lost_answers(worlds, hasty.tick, hasty.looked, hasty.used) == ANSWERS

    async def _lost_answers(
        self, worlds: list[World], purge: Callable[[], Awaitable[object]], started: asyncio.Event, used: asyncio.Event
    ) -> int:
        """Of keys that are used again while their old answers are purged: how many are new yet again afterwards."""
        world, club = worlds[0], caller((await found(worlds[0])).id)
        amending = [(club.under("amend", f"k{number}"), AmendClub(name=f"N {number}")) for number in range(ANSWERS)]

        async def use(world: World) -> Counter[type]:
            return kinds(await at_once(*(world.clubs.clubs.amend(key, club.of_club, to) for key, to in amending)))

        async def use_again() -> Counter[type]:
            await started.wait()
            try:
                return await use(world)
            finally:
                used.set()

        await use(world)
        world.clock.forward(hours=25)
        outcomes, *_ = await asyncio.gather(use_again(), purge(), purge())
        assert outcomes == {ClubView: ANSWERS}
        return ANSWERS - (await use(worlds[-1]))[Replayed]

    async def test_vis5_of_two_desks_at_once_one_checks_the_member_in(self, worlds: list[World]) -> None:
        scene = await two_clubs(worlds[0])
        for _ in range(3):
            assert await self._two_desks(scene, _visits_of(worlds)) == ONE_OF_TWO

    async def test_vis5_desks_that_read_before_they_hold_the_member_would_be_noticed(self, worlds: list[World]) -> None:
        scene = await two_clubs(worlds[0])
        assert await self._two_desks(scene, _hasty_visits_of(worlds, 2)) != ONE_OF_TWO

    async def _two_desks(self, scene: Scene, at: Sequence[Visits]) -> Counter[type]:
        visit = await scene.confirmed((await scene.member()).id)
        desks = [scene.host.under("check_in", f"{visit.id} {desk}", visit.id) for desk in ("one", "two")]
        return kinds(
            await at_once(
                at[0].check_in(desks[0], visit.id, CheckIn()),
                at[-1].check_in(desks[1], visit.id, CheckIn()),
            )
        )

    async def test_vis5_of_two_hosts_at_once_one_checks_the_member_in(self, worlds: list[World]) -> None:
        for _ in range(3):
            assert await self._two_hosts(worlds) == ONE_OF_TWO

    async def test_vis5_two_hosts_without_the_index_of_open_visits_would_be_noticed(
        self, unguarded: list[World]
    ) -> None:
        assert await self._two_hosts(unguarded) == {Decision: 2}

    async def _two_hosts(self, worlds: list[World]) -> Counter[type]:
        scene = await two_clubs(worlds[0])
        meadow = caller((await found(worlds[0], "meadow")).id, "eve")
        await agree(worlds[0], scene.home, meadow)
        member = await scene.member()
        here, there = await scene.confirmed(member.id), await replace(scene, host=meadow).confirmed(member.id)
        return kinds(
            await at_once(
                worlds[0].clubs.visits.check_in(scene.host, here.id, CheckIn()),
                worlds[-1].clubs.visits.check_in(meadow, there.id, CheckIn()),
            )
        )

    async def test_vis5_a_check_out_waits_for_whoever_decides_on_the_member(self, worlds: list[World]) -> None:
        # A check-in elsewhere that took its time before this check-out must not be let in after it.
        assert await self._check_out_waits(worlds, worlds[-1].clubs.visits)

    async def _check_out_waits(self, worlds: list[World], at: Visits) -> bool:
        scene = await two_clubs(worlds[0])
        visit = (await scene.checked_in((await scene.member()).id)).visit
        assert visit is not None
        async with worlds[0].begin(scene.host) as tx:
            await tx.visits.hold(visit.member_ref)
            leaving = asyncio.create_task(at.check_out(scene.host, visit.id))
            done, _ = await asyncio.wait([leaving], timeout=0.3)
        assert (await leaving).checked_out_at is not None
        return not done

    async def test_vis7_of_two_requests_for_the_last_place_one_is_confirmed(self, worlds: list[World]) -> None:
        assert await self._confirmed(worlds, _visits_of(worlds), limit=1, visits=2) == 1

    async def test_vis7_a_quota_is_never_exceeded_by_twenty_confirmations_at_once(self, worlds: list[World]) -> None:
        assert await self._confirmed(worlds, _visits_of(worlds), limit=4, visits=20) == 4

    async def test_vis7_a_quota_that_is_counted_before_the_member_is_held_would_be_noticed(
        self, worlds: list[World]
    ) -> None:
        assert await self._confirmed(worlds, _hasty_visits_of(worlds, 2), limit=1, visits=2) == 2

    async def _confirmed(self, worlds: list[World], at: Sequence[Visits], *, limit: int, visits: int) -> int:
        """How many of so many requests under a quota are confirmed at once; the others are refused by it."""
        quota = Quota(window=Window.ROLLING_DAYS, days=60, limit=limit)
        scene = await two_clubs(worlds[0], terms(quotas=(quota,)))
        member = await scene.member()
        booked = [await scene.requested(member.id, TODAY + timedelta(days=day)) for day in range(visits)]
        outcomes = await at_once(
            *(at[number % len(at)].confirm(scene.host, visit.id, ConfirmVisit()) for number, visit in enumerate(booked))
        )
        assert kinds(outcomes) == {Decision: visits}
        refused = [outcome for outcome in outcomes if not outcome.eligible]
        assert {failure.code for outcome in refused for failure in outcome.failed} <= {QUOTA_EXCEEDED}
        return visits - len(refused)

    async def test_agr1_of_two_agreements_at_once_one_becomes_active(self, worlds: list[World]) -> None:
        assert await self._two_agreements(worlds) == {AgreementView: 1, AgreementExists: 1}

    async def test_agr1_two_agreements_without_the_index_of_live_ones_would_be_noticed(
        self, unguarded: list[World]
    ) -> None:
        assert await self._two_agreements(unguarded) == {AgreementView: 2}

    async def _two_agreements(self, worlds: list[World]) -> Counter[type]:
        home, host = [caller((await found(worlds[0], name)).id) for name in ("harbour", "summit")]
        accepted = []
        for proposer, partner in ((home, host), (host, home)):
            agreements = worlds[0].clubs.agreements
            draft = await agreements.draft(proposer, DraftAgreement(partner=partner.of_club, terms=terms()))
            await agreements.propose(proposer, draft.id)
            accepted.append(await agreements.accept(partner, draft.id, AcceptTerms(terms_hash=draft.versions[0].hash)))
        return kinds(
            await at_once(
                worlds[0].clubs.agreements.activate(home, accepted[0].id),
                worlds[-1].clubs.agreements.activate(host, accepted[1].id),
            )
        )

    async def test_fifty_writers_of_one_aggregate_lose_nothing(self, worlds: list[World]) -> None:
        club = caller((await found(worlds[0])).id)
        amended = await self._amended([world.clubs.clubs for world in worlds], club, 50)
        assert sorted(view.version for view in amended) == list(range(2, 52))
        async with worlds[0].begin_log(club) as tx:
            events = [one.event_id for one in await tx.log.take("log", 100)]
            messages = await tx.log.messages(events)
        assert [messages[event].version for event in events] == list(range(1, 52))

    async def test_writers_that_read_before_they_lock_would_be_noticed(self, worlds: list[World]) -> None:
        club, gate = caller((await found(worlds[0])).id), asyncio.Barrier(10)
        hasty = [replace(world.clubs.clubs, begin=Hasty(world, gate.wait)) for world in worlds]
        assert kinds(await self._amended(hasty, club, 10)) == {ClubView: 1, StaleVersion: 9}

    async def test_sh1_of_ten_writers_who_expect_the_same_version_one_wins(self, worlds: list[World]) -> None:
        club, clubs = caller((await found(worlds[0])).id), [world.clubs.clubs for world in worlds]
        outcomes = await self._amended(clubs, replace(club, expected_version=1), 10)
        assert kinds(outcomes) == {ClubView: 1, StaleVersion: 9}

    async def test_sh1_writers_whose_expectation_gets_lost_would_be_noticed(self, worlds: list[World]) -> None:
        club, clubs = caller((await found(worlds[0])).id), [world.clubs.clubs for world in worlds]
        assert kinds(await self._amended(clubs, replace(club, expected_version=None), 10)) == {ClubView: 10}

    async def _amended(self, at: Sequence[Clubs], club: Caller, writers: int) -> list[Any]:
        return await at_once(
            *(
                at[number % len(at)].amend(club, club.of_club, AmendClub(name=f"Name {number}"))
                for number in range(writers)
            )
        )

    async def test_a_slug_and_a_number_are_given_once(self, worlds: list[World]) -> None:
        founded, enrolled = await self._given(worlds, [world.begin for world in worlds])
        assert founded == {ClubView: 1, SlugTaken: 4}
        assert enrolled == {MemberView: 1, NumberTaken: 4}

    async def test_a_slug_and_a_number_that_nobody_writes_down_would_be_noticed(self, worlds: list[World]) -> None:
        unmarked = [world.system.infrastructure.begin(Unmarked) for world in worlds]
        founded, enrolled = await self._given(worlds, unmarked)
        assert founded == {ClubView: 5}
        assert enrolled == {MemberView: 5}

    async def _given(self, worlds: list[World], begin: Sequence[Begin[Any]]) -> tuple[Counter[type], Counter[type]]:
        """What became of five clubs that are founded at once under one slug, and of five members with one number."""
        club = await found(worlds[0])
        founding = FoundClub(slug=f"x{club.slug}", name="X", zone="UTC", currency="EUR", position=club.position)
        enrolment = EnrolMember(number="N-1", name="Ada", category="full")
        clubs = [replace(world.clubs.clubs, begin=one) for world, one in zip(worlds, begin, strict=True)]
        members = [replace(world.clubs.members, begin=one) for world, one in zip(worlds, begin, strict=True)]
        founded = await at_once(
            *(clubs[number % len(clubs)].found(caller(None), founding) for number in range(5)),
        )
        enrolled = await at_once(
            *(members[number % len(members)].enrol(caller(club.id), enrolment) for number in range(5)),
        )
        return kinds(founded), kinds(enrolled)

    async def test_erasing_and_confirming_at_once_leaves_no_grant_and_no_deadlock(self, worlds: list[World]) -> None:
        scene = await two_clubs(worlds[0])
        for _ in range(5):
            member = await scene.member()
            visit = await scene.requested(member.id)
            erased, confirmed = await at_once(
                worlds[0].clubs.members.erase(scene.home, member.id),
                worlds[-1].clubs.visits.confirm(scene.host, visit.id, ConfirmVisit()),
            )
            assert not isinstance(erased, Exception), erased
            assert isinstance(confirmed, Decision | WrongState)
            assert not await self._has_grant(scene, visit.id)

    async def test_an_erasure_that_reads_the_visits_before_it_holds_them_would_be_noticed(
        self, worlds: list[World]
    ) -> None:
        scene = await two_clubs(worlds[0])
        member = await scene.member()
        visit = await scene.requested(member.id)
        confirm = partial(worlds[0].clubs.visits.confirm, scene.host, visit.id, ConfirmVisit())
        hasty = replace(worlds[-1].clubs.members, begin=Hasty(worlds[-1], confirm))
        assert kinds(await at_once(hasty.erase(scene.home, member.id))) == {StaleVersion: 1}

    async def test_recording_a_fact_while_the_visit_ends_puts_no_grant_back(self, worlds: list[World]) -> None:
        scene = await two_clubs(worlds[0])
        for number in range(5):
            member = await scene.member()
            visit = (await scene.checked_in(member.id)).visit
            assert visit is not None
            fact = RecordFact(kind=FactKind.PAID_THROUGH, first=TODAY + timedelta(days=500 + number))
            outcomes = await at_once(
                worlds[0].clubs.members.record(scene.home, member.id, fact),
                worlds[-1].clubs.visits.check_out(scene.host, visit.id),
            )
            assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
            assert not await self._has_grant(scene, visit.id)

    async def test_a_fact_for_grants_that_were_read_before_they_were_locked_would_be_noticed(
        self, worlds: list[World]
    ) -> None:
        scene = await two_clubs(worlds[0])
        member = await scene.member()
        visit = (await scene.checked_in(member.id)).visit
        assert visit is not None
        check_out = partial(worlds[0].clubs.visits.check_out, scene.host, visit.id)
        hasty = replace(worlds[-1].clubs.members, begin=Hasty(worlds[-1], check_out))
        await hasty.record(scene.home, member.id, RecordFact(kind=FactKind.PAID_THROUGH, first=TODAY))
        assert await self._has_grant(scene, visit.id)

    async def test_two_workers_and_the_desk_at_once_end_a_visit_once(self, worlds: list[World]) -> None:
        scene = await two_clubs(worlds[0])
        inside = [(await scene.checked_in((await scene.member()).id)).visit for _ in range(6)]
        worlds[0].clock.forward(days=1)
        outcomes = await at_once(
            *(world.clubs.visits.conclude(scene.host.of_club) for world in (worlds[0], worlds[-1])),
            *(worlds[-1].clubs.visits.check_out(scene.host, visit.id) for visit in reversed(inside) if visit),
        )
        by_worker, by_desk = outcomes[:2], kinds(outcomes[2:])
        assert by_desk.keys() <= {VisitView, WrongState}
        assert sum(by_worker) + by_desk[VisitView] == len(inside)
        assert (await types_in_log(worlds[0], scene.host))["clubs.visit_checked_out"] == len(inside)
        views = [await worlds[0].clubs.visits.get(scene.host, visit.id) for visit in inside if visit]
        assert sum(view.auto_check_out for view in views) == sum(by_worker)

    async def test_workers_that_read_before_they_hold_the_member_would_be_noticed(self, worlds: list[World]) -> None:
        scene = await two_clubs(worlds[0])
        await scene.checked_in((await scene.member()).id)
        worlds[0].clock.forward(days=1)
        one, other, *_ = _hasty_visits_of(worlds, 2) * 2
        outcomes = await at_once(one.conclude(scene.host.of_club), other.conclude(scene.host.of_club))
        assert kinds(outcomes) == {int: 1, StaleVersion: 1}

    async def _has_grant(self, scene: Scene, visit: UUID) -> bool:
        async with scene.world.begin(scene.host) as tx:
            return kinds(await at_once(tx.grants.get(visit))) != {Missing: 1}
