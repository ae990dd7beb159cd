"""Members of a club: enrolment, dated facts, and erasure of the person."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from app.clubs.grants import rewrite
from app.use_cases import ABSENT, Absent, UseCases, as_expected, given, show
from core.clubs.geography import Position
from core.clubs.member import Member
from core.clubs.refused_visit import VisitRefusalErased
from core.clubs.standing import Fact, FactKind
from core.clubs.visit import Visit
from ports.caller import Caller
from ports.clubs import ClubsTx, ErasedSubject
from shared.paging import Page, PageRequest

KEY_SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolMember:
    """`number` is the club's own and never used twice; `residence` may stay unknown."""

    number: str
    name: str
    category: str
    residence: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendMember:
    """What to change; a field that is absent stays as it is. A `residence` of null makes it unknown."""

    name: str | Absent = ABSENT
    category: str | Absent = ABSENT
    residence: Position | Absent | None = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFact:
    """A dated fact; `kind` says what `first` and `last` mean (see the rules of standing)."""

    kind: FactKind
    first: date
    last: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """A member as the own club sees it; personal fields are null once erased."""

    kind: ClassVar[str] = "member"

    id: UUID
    version: int
    ref: UUID | None
    number: str | None
    name: str | None
    category: str | None
    residence: Position | None
    facts: tuple[Fact, ...] | None
    erased: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure left behind: nothing of the person, and proof that it was no tampering."""

    member_id: UUID
    visits: int


@dataclass(frozen=True, kw_only=True)
class Members(UseCases[ClubsTx]):
    """`random_bytes` gives subjects' keys."""

    random_bytes: Callable[[int], bytes]

    async def enrol(self, caller: Caller, command: EnrolMember) -> MemberView:
        """A new member, with a key of its own under which everything personal is disclosed."""
        self.allow(caller, "clubs.member.enrol")
        async with self.begin(caller) as tx:
            member, events = Member.enrol(
                id=self.new_id(),
                club_id=caller.of_club,
                ref=self.new_id(),
                number=command.number,
                name=command.name,
                category=command.category,
                residence=command.residence,
            )
            await tx.members.add(member)
            await tx.subjects.add(member.id, self.random_bytes(KEY_SIZE), person=member.id)
            tx.emit(*events)
            return tx.answer(show(MemberView, member))

    async def amend(self, caller: Caller, key: UUID, command: AmendMember) -> MemberView:
        """Change what the club knows of the member; hosts of live visits see what now holds."""
        self.allow(caller, "clubs.member.amend")
        async with self.begin(caller) as tx:
            member = as_expected(caller, await tx.members.get(key))
            known = member.person()
            member, events = member.amend(
                name=given(command.name, known.name),
                category=given(command.category, known.category),
                residence=given(command.residence, known.residence),
            )
            await tx.members.save(member)
            await rewrite(tx, member.person())
            tx.emit(*events)
            return tx.answer(show(MemberView, member))

    async def record(self, caller: Caller, key: UUID, command: RecordFact) -> MemberView:
        """Add a dated fact; hosts of the member's live visits see the facts that now hold."""
        self.allow(caller, "clubs.member.record")
        async with self.begin(caller) as tx:
            member = as_expected(caller, await tx.members.get(key))
            fact = Fact(kind=command.kind, first=command.first, last=command.last, recorded_at=self.now())
            member, events = member.record(fact)
            await tx.members.save(member)
            await rewrite(tx, member.person())
            tx.emit(*events)
            return tx.answer(show(MemberView, member))

    async def erase(self, caller: Caller, key: UUID) -> Erased:
        """Destroy the person's keys and plaintext everywhere, and say so in every log concerned (rule aud6)."""
        self.allow(caller, "clubs.member.erase")
        async with self.begin(caller) as tx:
            member = as_expected(caller, await tx.members.get(key))
            await tx.visits.hold(member.person().ref)
            visits = await tx.visits.of_member(member.person().ref)
            for visit in visits:
                await _erase_visit(tx, visit)
            erased = await tx.subjects.erase(member.id)
            _erase_refusals(tx, caller.of_club, erased, {visit.id for visit in visits})
            member, events = member.erase()
            await tx.members.save(member)
            tx.emit(*events)
            return tx.answer(Erased(member_id=member.id, visits=len(visits)))

    async def get(self, caller: Caller, key: UUID) -> MemberView:
        self.allow(caller, "clubs.member.read")
        return await self.read.one(caller, MemberView, key)

    async def list(self, caller: Caller, request: PageRequest) -> Page[MemberView]:
        self.allow(caller, "clubs.member.read")
        return await self.read.page(caller, MemberView, request)


async def _erase_visit(tx: ClubsTx, visit: Visit) -> None:
    erased, events = visit.erase()
    await tx.visits.save(erased)
    await tx.grants.drop(visit.id)
    tx.emit(*events)


def _erase_refusals(tx: ClubsTx, home: UUID, erased: Sequence[ErasedSubject], visits: set[UUID]) -> None:
    """Requests that were refused left no visit behind, but a verdict in the host's log too."""
    for subject in erased:
        if subject.shared_with is not None and subject.id not in visits:
            tx.emit(VisitRefusalErased(visit_id=subject.id, host_club=subject.shared_with, home_club=home))
