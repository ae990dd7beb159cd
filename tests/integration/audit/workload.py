"""A seeded random workload over every use case of the clubs: what a network does in some weeks, in any order."""

import random
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import TypeVar
from uuid import UUID

from app.clubs.agreements import AcceptTerms, AgreementView, ChangeTerms, DraftAgreement, SuspendAgreement
from app.clubs.clubs import AmendClub, FoundClub
from app.clubs.members import AmendMember, EnrolMember, RecordFact
from app.clubs.visits import CheckIn, ConfirmVisit, EndVisit, RequestVisit
from app.use_cases import ABSENT
from core.clubs.geography import Position
from core.clubs.standing import FactKind
from core.clubs.terms import Quota, Terms, Window
from ports.caller import Caller
from shared.errors import ConcordatError
from shared.ids import id_from
from tests.support.scenes import amended
from tests.support.world import Clock, Ids, World, caller

T = TypeVar("T")

ZONES = ("Europe/Berlin", "Europe/London", "America/New_York")
CATEGORIES = ("full", "junior")


class SeededIds(Ids):
    """UUIDv7 in rising order, the same for the same seed."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng

    def __call__(self) -> UUID:
        self._milliseconds += 1
        return id_from(self._milliseconds.to_bytes(6, "big") + self._rng.randbytes(10))


class Workload:
    """Does what people do; what the rules refuse is refused, and the next thing is tried."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.clubs: list[Caller] = []
        self.agreements: list[AgreementView] = []
        self.members: list[tuple[Caller, UUID]] = []
        self.visits: list[tuple[UUID, Caller, Caller]] = []
        self._count = 0

    async def begin(self, clubs: int) -> None:
        """Clubs, an agreement in force between each of them and the next, and a member in good standing in each."""
        for _ in range(clubs):
            await self._found()
        for proposer, partner in zip(self.clubs, self.clubs[1:], strict=False):
            await self._agree(proposer, partner)
        for club in self.clubs:
            await self._member_in_good_standing(club)

    async def go_on(self, steps: int) -> None:
        """So many things, each tried once."""
        for _ in range(steps):
            deeds = self._deeds()
            deed = self.rng.choices([deed for deed, _weight in deeds], [weight for _deed, weight in deeds])[0]
            await self._tried(deed())
        await self.world.settle()

    async def grow(self, club: Caller, events: int) -> None:
        """A log that is longer than a tile, in one transaction, since only its length matters."""
        async with self.world.begin(club) as tx:
            held = await tx.clubs.get(club.of_club)
            for number in range(events):
                held, told = amended(held, name=f"Name {number}")
                await tx.clubs.save(held)
                tx.emit(*told)

    async def rotate(self, club: Caller) -> None:
        """The log's key is exchanged, and it goes on under the new one."""
        await self.world.pipeline.rotation.ask(club.of_club)
        await self.world.pipeline.rotate()
        await self.world.settle()

    async def enrolled_somebody(self) -> None:
        """A record more that is not integrated yet."""
        await self._enrolled(self.rng.choice(self.clubs), "full")

    async def relay(self) -> None:
        """Nothing is left for the bus."""
        while await self.world.relay.tick():
            pass

    def _deeds(self) -> list[tuple[Callable[[], Awaitable[object]], int]]:
        return [
            (self._request, 14),
            (self._confirm, 12),
            (self._check_in, 10),
            (self._check_out, 6),
            (self._end_visit, 6),
            (self._enrol, 3),
            (self._fact, 5),
            (self._amend_member, 3),
            (self._erase, 3),
            (self._amend_club, 2),
            (self._draft, 2),
            (self._negotiate, 4),
            (self._suspend_or_lift, 2),
            (self._notice, 1),
            (self._pass_time, 4),
            (self.world.settle, 4),
        ]

    async def _tried(self, deed: Awaitable[T]) -> T | None:
        try:
            return await deed
        except ConcordatError:
            return None

    async def _found(self) -> None:
        self._count += 1
        command = FoundClub(
            slug=f"club-{self._count}-{self.rng.randrange(1 << 32):08x}",
            name=f"Club {self._count}",
            zone=self.rng.choice(ZONES),
            currency="EUR",
            position=self._position(),
        )
        view = await self.world.clubs.clubs.found(caller(None), command)
        self.clubs.append(caller(view.id, f"secretary-{self._count}"))

    async def _agree(self, proposer: Caller, partner: Caller) -> None:
        agreements = self.world.clubs.agreements
        drafted = await agreements.draft(proposer, DraftAgreement(partner=partner.of_club, terms=self._terms()))
        proposed = await agreements.propose(proposer, drafted.id)
        await agreements.accept(partner, drafted.id, AcceptTerms(terms_hash=proposed.versions[-1].hash))
        self.agreements.append(await agreements.activate(proposer, drafted.id))

    async def _member_in_good_standing(self, club: Caller) -> None:
        members = self.world.clubs.members
        key = await self._enrolled(club, "full")
        await members.record(club, key, RecordFact(kind=FactKind.TERM, first=self._day(-400)))
        await members.record(club, key, RecordFact(kind=FactKind.PAID_THROUGH, first=self._day(400)))

    async def _enrolled(self, club: Caller, category: str) -> UUID:
        self._count += 1
        residence = self._position() if self.rng.random() < 0.8 else None
        command = EnrolMember(
            number=f"N{self._count}", name=f"Person {self._count} Ünïcode", category=category, residence=residence
        )
        key = (await self.world.clubs.members.enrol(self._keyed(club), command)).id
        self.members.append((club, key))
        return key

    async def _enrol(self) -> None:
        club = self.rng.choice(self.clubs)
        if self.rng.random() < 0.6:
            await self._member_in_good_standing(club)
        else:
            await self._enrolled(club, self.rng.choice(CATEGORIES))

    async def _fact(self) -> None:
        club, member = self.rng.choice(self.members)
        kind = self.rng.choice(list(FactKind))
        first = self._day(self.rng.randrange(-30, 30))
        last = first + timedelta(days=5) if kind is FactKind.SUSPENDED else None
        await self.world.clubs.members.record(club, member, RecordFact(kind=kind, first=first, last=last))

    async def _amend_member(self) -> None:
        club, member = self.rng.choice(self.members)
        residence = self._position() if self.rng.random() < 0.8 else None
        command = AmendMember(name=f"Renamed {self.rng.randrange(1000)}", residence=residence)
        await self.world.clubs.members.amend(club, member, command)

    async def _erase(self) -> None:
        if len(self.members) > len(self.clubs):
            club, member = self.rng.choice(self.members)
            await self.world.clubs.members.erase(self._keyed(club), member)

    async def _amend_club(self) -> None:
        club = self.rng.choice(self.clubs)
        position = self._position() if self.rng.random() < 0.5 else ABSENT
        closing_time = self.rng.choice(["00:00", "02:30", "22:00"])
        command = AmendClub(name=f"Club {self.rng.randrange(1000)}", position=position, closing_time=closing_time)
        await self.world.clubs.clubs.amend(club, club.of_club, command)

    async def _request(self) -> None:
        home, member = self.rng.choice(self.members)
        host = self.rng.choice([club for club in self.clubs if club is not home])
        first = self._day(self.rng.choice([0, 0, 0, 1, 2, 9]))
        last = first + timedelta(days=self.rng.choice([0, 0, 1]))
        command = RequestVisit(member_id=member, host_club=host.of_club, first_day=first, last_day=last)
        decision = await self.world.clubs.visits.request(self._keyed(home), command)
        if decision.visit is not None:
            self.visits.append((decision.visit.id, home, host))

    async def _confirm(self) -> None:
        visit, _home, host = self._visit()
        proven = self.rng.random() < 0.5
        await self.world.clubs.visits.confirm(self._keyed(host), visit, ConfirmVisit(residence_proven=proven))

    async def _check_in(self) -> None:
        visit, _home, host = self._visit()
        proven = self.rng.random() < 0.5
        await self.world.clubs.visits.check_in(self._keyed(host), visit, CheckIn(residence_proven=proven))

    async def _check_out(self) -> None:
        visit, _home, host = self._visit()
        await self.world.clubs.visits.check_out(host, visit)

    async def _end_visit(self) -> None:
        visit, home, host = self._visit()
        visits, command = self.world.clubs.visits, EndVisit(reason=f"Reason {self.rng.randrange(1000)}")
        match self.rng.randrange(4):
            case 0:
                await visits.decline(host, visit, command)
            case 1:
                await visits.cancel(self.rng.choice([home, host]), visit, command)
            case 2:
                await visits.deny(host, visit, command)
            case _:
                await visits.no_show(host, visit)

    def _visit(self) -> tuple[UUID, Caller, Caller]:
        if not self.visits:
            raise _Nothing
        return self.rng.choice(self.visits[-6:])

    async def _draft(self) -> None:
        proposer, partner = self.rng.sample(self.clubs, 2)
        command = DraftAgreement(
            partner=partner.of_club, terms=self._terms(), scope=self.rng.choice(["visits", "golf"])
        )
        self.agreements.append(await self.world.clubs.agreements.draft(proposer, command))

    async def _negotiate(self) -> None:
        agreements, key = self.world.clubs.agreements, self._agreement()
        one, other = (caller(key.proposer, "ann"), caller(key.partner, "bob"))
        await self._tried(agreements.propose(one, key.id))
        if self.rng.random() < 0.4:
            await self._tried(agreements.counter(other, key.id, ChangeTerms(terms=self._terms())))
        if self.rng.random() < 0.3:
            await self._tried(agreements.amend(self.rng.choice([one, other]), key.id, ChangeTerms(terms=self._terms())))
        view = await agreements.get(one, key.id)
        for party in (one, other):
            await self._tried(agreements.accept(party, key.id, AcceptTerms(terms_hash=view.versions[-1].hash)))
        await self._tried(agreements.activate(one, key.id))

    async def _suspend_or_lift(self) -> None:
        agreements, key = self.world.clubs.agreements, self._agreement()
        party = caller(self.rng.choice([key.proposer, key.partner]))
        await self._tried(agreements.suspend(party, key.id, SuspendAgreement(reason="Not paid")))
        if self.rng.random() < 0.8:
            await agreements.lift(party, key.id)

    async def _notice(self) -> None:
        key = self._agreement()
        await self.world.clubs.agreements.give_notice(caller(key.partner), key.id)

    async def _pass_time(self) -> None:
        self._clock().forward(hours=self.rng.choice([1, 12, 24, 24 * 31]))
        for club in self.clubs:
            await self.world.clubs.agreements.conclude(club.of_club)
            await self.world.clubs.visits.conclude(club.of_club)

    def _agreement(self) -> AgreementView:
        return self.rng.choice(self.agreements)

    def _terms(self) -> Terms:
        quotas = (Quota(window=Window.CALENDAR_MONTH, limit=self.rng.choice([2, 6])),)
        return Terms(
            effective_from=self._day(-self.rng.randrange(1, 100)),
            categories=CATEGORIES[: self.rng.choice([1, 2])],
            quotas=quotas if self.rng.random() < 0.7 else (),
            notice_days=self.rng.choice([0, 30]),
        )

    def _position(self) -> Position:
        return Position(
            latitude_microdegrees=self.rng.randrange(-60_000_000, 60_000_000),
            longitude_microdegrees=self.rng.randrange(-170_000_000, 170_000_000),
        )

    def _day(self, offset: int) -> date:
        return self._clock()().date() + timedelta(days=offset)

    def _clock(self) -> Clock:
        return self.world.clock

    def _keyed(self, who: Caller) -> Caller:
        """Some requests bring an idempotency key, so that answers are stored as well."""
        self._count += 1
        return who.under("workload", f"key-{self._count}") if self.rng.random() < 0.3 else who


class _Nothing(ConcordatError):
    """There is nothing yet to do this with."""

    code = "workload/nothing"
    title = "There is nothing to do this with."
