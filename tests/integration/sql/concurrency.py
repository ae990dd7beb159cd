"""What holds however many act at once; a subclass brings the processes: worlds over one database."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from adapters.outbound.sql.database import mine
from adapters.outbound.sql.schema import answer
from app.clubs.agreements import AcceptTerms, DraftAgreement
from app.clubs.clubs import AmendClub, ClubView, FoundClub
from app.clubs.members import EnrolMember, RecordFact
from app.clubs.visits import CheckIn, ConfirmVisit, Decision, VisitView
from core.clubs.eligibility import QUOTA_EXCEEDED
from core.clubs.standing import FactKind
from core.clubs.terms import Quota, Window
from core.clubs.visit_refusals import AlreadyCheckedIn, WrongState
from ports.caller import Caller
from ports.clubs import AgreementExists, NumberTaken, SlugTaken
from ports.unit_of_work import InFlight, Missing, Replayed
from shared.canonical import loads, plain
from shared.errors import StaleVersion
from tests.support.scenes import Scene, agree, found, terms, two_clubs
from tests.support.world import TODAY, World, caller

PATIENT: dict[str, Any] = {"acquire_timeout_seconds": 30, "lock_timeout_seconds": 30}
"""These tests ask what happens, not how fast: a slow machine gives the same answers."""

ANSWERS = 20


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


@dataclass(frozen=True, slots=True)
class Hasty:
    """Planted bug: a purge that remembers which keys are old, and deletes whatever stands under them later."""

    world: World
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    used: asyncio.Event = field(default_factory=asyncio.Event)

    async def tick(self) -> None:
        clubs = [entry.club for entry in await self.world.backlog.directory()]
        old = {club: await self._keys(club) for club in clubs}
        self.looked.set()
        await self.used.wait()
        for club, keys in old.items():
            async with self.world.database.transaction(club) as session:
                await session.change(delete(answer).where(answer.c.key.in_(keys), mine(answer)))

    async def _keys(self, club: UUID) -> list[str]:
        before = self.world.clock() - timedelta(hours=24)
        async with self.world.database.reading(club) as session:
            rows = await session.all(select(answer.c.key).where(answer.c.at < before, mine(answer)))
        return [row["key"] for row in rows]


class Concurrency:
    """`worlds` is a fixture: the processes that share a database, at least one."""

    async def test_of_a_hundred_calls_with_one_key_one_has_an_effect(self, worlds: list[World]) -> None:
        scene = await two_clubs(worlds[0])
        visit = await scene.confirmed((await scene.member()).id)
        once = scene.host.under("check_in", "one-key", visit.id, CheckIn())
        calls = [worlds[number % len(worlds)].clubs.visits.check_in(once, visit.id, CheckIn()) for number in range(100)]
        outcomes = await at_once(*calls)
        assert kinds(outcomes).keys() <= {Decision, Replayed, InFlight}
        (decision,) = [outcome for outcome in outcomes if isinstance(outcome, Decision)]
        assert decision.eligible
        assert (await types_in_log(worlds[0], scene.host))["clubs.visit_checked_in"] == 1
        for world in worlds:
            (replay,) = await at_once(world.clubs.visits.check_in(once, visit.id, CheckIn()))
            assert isinstance(replay, Replayed)
            assert loads(replay.answer) == plain(decision)

    async def test_a_key_that_is_used_again_while_it_is_purged_keeps_its_new_answer(self, worlds: list[World]) -> None:
        started = asyncio.Event()
        started.set()
        for _ in range(5):
            assert await self._lost_answers(worlds, worlds[-1].purge.tick, started, asyncio.Event()) == 0

    async def test_a_purge_that_looks_first_and_deletes_later_would_be_noticed(self, worlds: list[World]) -> None:
        hasty = Hasty(worlds[-1])
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
            visit = await scene.confirmed((await scene.member()).id)
            desks = [scene.host.under("check_in", f"{visit.id} {desk}", visit.id) for desk in ("one", "two")]
            outcomes = await at_once(
                worlds[0].clubs.visits.check_in(desks[0], visit.id, CheckIn()),
                worlds[-1].clubs.visits.check_in(desks[1], visit.id, CheckIn()),
            )
            assert kinds(outcomes) == {Decision: 1, AlreadyCheckedIn: 1}

    async def test_vis5_of_two_hosts_at_once_one_checks_the_member_in(self, worlds: list[World]) -> None:
        scene = await two_clubs(worlds[0])
        meadow = caller((await found(worlds[0], "meadow")).id, "eve")
        await agree(worlds[0], scene.home, meadow)
        elsewhere = replace(scene, host=meadow)
        for _ in range(3):
            member = await scene.member()
            here, there = await scene.confirmed(member.id), await elsewhere.confirmed(member.id)
            outcomes = await at_once(
                worlds[0].clubs.visits.check_in(scene.host, here.id, CheckIn()),
                worlds[-1].clubs.visits.check_in(meadow, there.id, CheckIn()),
            )
            assert kinds(outcomes) == {Decision: 1, AlreadyCheckedIn: 1}

    async def test_vis5_a_check_out_waits_for_whoever_decides_on_the_member(self, worlds: list[World]) -> None:
        # A check-in elsewhere that took its time before this check-out must not be let in after it.
        scene = await two_clubs(worlds[0])
        visit = (await scene.checked_in((await scene.member()).id)).visit
        assert visit is not None
        async with worlds[0].begin(scene.host) as tx:
            await tx.visits.hold(visit.member_ref)
            leaving = asyncio.create_task(worlds[-1].clubs.visits.check_out(scene.host, visit.id))
            done, _ = await asyncio.wait([leaving], timeout=0.3)
            assert not done
        assert (await leaving).checked_out_at is not None

    async def test_vis7_of_two_requests_for_the_last_place_one_is_confirmed(self, worlds: list[World]) -> None:
        await self._confirms(worlds, limit=1, visits=2)

    async def test_vis7_a_quota_is_never_exceeded_by_twenty_confirmations_at_once(self, worlds: list[World]) -> None:
        await self._confirms(worlds, limit=4, visits=20)

    async def _confirms(self, worlds: list[World], *, limit: int, visits: int) -> None:
        quota = Quota(window=Window.ROLLING_DAYS, days=60, limit=limit)
        scene = await two_clubs(worlds[0], terms(quotas=(quota,)))
        member = await scene.member()
        booked = [await scene.requested(member.id, TODAY + timedelta(days=day)) for day in range(visits)]
        outcomes = await at_once(
            *(
                worlds[number % len(worlds)].clubs.visits.confirm(scene.host, visit.id, ConfirmVisit())
                for number, visit in enumerate(booked)
            )
        )
        assert kinds(outcomes) == {Decision: visits}
        refused = [outcome for outcome in outcomes if not outcome.eligible]
        assert len(refused) == visits - limit
        assert {failure.code for outcome in refused for failure in outcome.failed} == {QUOTA_EXCEEDED}

    async def test_agr1_of_two_agreements_at_once_one_becomes_active(self, worlds: list[World]) -> None:
        home, host = [caller((await found(worlds[0], name)).id) for name in ("harbour", "summit")]
        accepted = []
        for proposer, partner in ((home, host), (host, home)):
            agreements = worlds[0].clubs.agreements
            draft = await agreements.draft(proposer, DraftAgreement(partner=partner.of_club, terms=terms()))
            await agreements.propose(proposer, draft.id)
            accepted.append(await agreements.accept(partner, draft.id, AcceptTerms(terms_hash=draft.versions[0].hash)))
        outcomes = await at_once(
            worlds[0].clubs.agreements.activate(home, accepted[0].id),
            worlds[-1].clubs.agreements.activate(host, accepted[1].id),
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == [AgreementExists.__name__, "AgreementView"]

    async def test_fifty_writers_of_one_aggregate_lose_nothing(self, worlds: list[World]) -> None:
        club = caller((await found(worlds[0])).id)
        amended = await at_once(
            *(
                worlds[number % len(worlds)].clubs.clubs.amend(club, club.of_club, AmendClub(name=f"Name {number}"))
                for number in range(50)
            )
        )
        assert sorted(view.version for view in amended) == list(range(2, 52))
        async with worlds[0].begin_log(club) as tx:
            events = [one.event_id for one in await tx.log.take("log", 100)]
            messages = await tx.log.messages(events)
        assert [messages[event].version for event in events] == list(range(1, 52))

    async def test_sh1_of_ten_writers_who_expect_the_same_version_one_wins(self, worlds: list[World]) -> None:
        club = caller((await found(worlds[0])).id)
        outcomes = await at_once(
            *(
                worlds[number % len(worlds)].clubs.clubs.amend(
                    replace(club, expected_version=1), club.of_club, AmendClub(name=f"Name {number}")
                )
                for number in range(10)
            )
        )
        assert kinds(outcomes)[StaleVersion] == 9

    async def test_a_slug_and_a_number_are_given_once(self, worlds: list[World]) -> None:
        club = await found(worlds[0])
        founding = FoundClub(slug=f"x{club.slug}", name="X", zone="UTC", currency="EUR", position=club.position)
        founded = await at_once(
            *(worlds[number % len(worlds)].clubs.clubs.found(caller(None), founding) for number in range(5))
        )
        assert kinds(founded)[SlugTaken] == 4
        enrolment = EnrolMember(number="N-1", name="Ada", category="full")
        enrolled = await at_once(
            *(worlds[number % len(worlds)].clubs.members.enrol(caller(club.id), enrolment) for number in range(5))
        )
        assert kinds(enrolled)[NumberTaken] == 4

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
            await self._has_no_grant(scene, visit.id)

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
            await self._has_no_grant(scene, visit.id)

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

    async def _has_no_grant(self, scene: Scene, visit: UUID) -> None:
        async with scene.world.begin(scene.host) as tx:
            assert kinds(await at_once(tx.grants.get(visit))) == {Missing: 1}
