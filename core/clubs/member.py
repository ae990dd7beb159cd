"""A member of a club: the person, the reference that other clubs see, and the dated facts of the membership."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from core.clubs import names
from core.clubs.geography import Position
from core.clubs.lifecycle import step
from core.clubs.standing import Fact, FactKind, suspended, terms_held
from shared.errors import Conflict
from shared.events import Aggregate, Event, Personal

MOST_FACTS = 200


class Tenure(StrEnum):
    """Where a membership stands after the facts recorded so far; its standing on a day is another question."""

    APPLICANT = "applicant"
    MEMBER = "member"
    RESIGNED = "resigned"
    EXPELLED = "expelled"
    DECEASED = "deceased"


_T, _F = Tenure, FactKind

TENURES: dict[tuple[Tenure, FactKind], Tenure] = {
    (_T.APPLICANT, _F.TERM): _T.MEMBER,
    (_T.APPLICANT, _F.PAID_THROUGH): _T.APPLICANT,
    (_T.APPLICANT, _F.RESIGNED): _T.RESIGNED,
    (_T.APPLICANT, _F.DECEASED): _T.DECEASED,
    (_T.MEMBER, _F.TERM): _T.MEMBER,
    (_T.MEMBER, _F.PAID_THROUGH): _T.MEMBER,
    (_T.MEMBER, _F.SUSPENDED): _T.MEMBER,
    (_T.MEMBER, _F.SUSPENSION_LIFTED): _T.MEMBER,
    (_T.MEMBER, _F.RESIGNED): _T.RESIGNED,
    (_T.MEMBER, _F.EXPELLED): _T.EXPELLED,
    (_T.MEMBER, _F.DECEASED): _T.DECEASED,
    (_T.RESIGNED, _F.TERM): _T.MEMBER,
    (_T.RESIGNED, _F.PAID_THROUGH): _T.RESIGNED,
    (_T.RESIGNED, _F.SUSPENDED): _T.RESIGNED,
    (_T.RESIGNED, _F.SUSPENSION_LIFTED): _T.RESIGNED,
    (_T.RESIGNED, _F.EXPELLED): _T.EXPELLED,
    (_T.RESIGNED, _F.DECEASED): _T.DECEASED,
}
"""Which fact may be recorded when; expelled and deceased are terminal, resigned may rejoin (rule mem3).

Who resigned for a day to come is a member until then, and can be suspended.
"""


class Erased(Conflict):
    """The person behind this member has been erased; nothing is left to change or to show."""

    code = "member/erased"
    title = "This member has been erased."


class WrongTenure(Conflict):
    """A fact that this membership cannot have any more, or not yet. Parameters: state, move."""

    code = "member/wrong-tenure"
    title = "This membership cannot have such a fact."


class TermsOverlap(Conflict):
    """The new term overlaps an earlier one, or begins before a resignation (rule mem2). Parameters: first, last."""

    code = "member/terms-overlap"
    title = "The terms of one membership do not overlap."


class TooManyFacts(Conflict):
    """The membership has as many facts as one record can disclose. Parameter: most."""

    code = "member/too-many-facts"
    title = "No more facts can be recorded of this membership."


class NotSuspended(Conflict):
    """No suspension holds on the day on which one is said to be lifted. Parameter: on."""

    code = "member/not-suspended"
    title = "The member is not suspended on that day."


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What a club knows of a member that has not been erased."""

    ref: UUID
    number: str
    name: str
    category: str
    residence: Position | None
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Aggregate):
    """A member as its home club keeps it. `ref` is random and all that other clubs see; it leads nowhere once erased.

    `facts` stand in the order in which they were recorded. Every personal field is None after erasure, `facts` too:
    a digest, even of nothing, would need the key that was destroyed.
    """

    kind: ClassVar[str] = "member"

    club_id: UUID
    ref: Annotated[UUID | None, Personal("id")]
    number: Annotated[str | None, Personal("id")]
    name: Annotated[str | None, Personal("id")]
    category: Annotated[str | None, Personal("id")]
    residence: Annotated[Position | None, Personal("id")]
    facts: Annotated[tuple[Fact, ...] | None, Personal("id")]
    erased: bool = False

    @classmethod
    def enrol(
        cls,
        *,
        id: UUID,
        club_id: UUID,
        ref: UUID,
        number: str,
        name: str,
        category: str,
        residence: Position | None = None,
        facts: Sequence[Fact] = (),
    ) -> "tuple[Member, tuple[MemberEnrolled]]":
        """A new member, an applicant unless `facts` say more; they pass the rules of `record` one after the other."""
        accepted: tuple[Fact, ...] = ()
        for fact in facts:
            accepted = _recorded(accepted, fact)
        member = cls(
            id=id,
            version=1,
            club_id=club_id,
            ref=ref,
            number=names.label(number, "number"),
            name=names.name(name),
            category=names.label(category, "category"),
            residence=residence,
            facts=accepted,
        )
        return member, (MemberEnrolled(member=member),)

    def person(self) -> Person:
        """The personal fields; raises Erased."""
        ref, number, name, category, facts = self.ref, self.number, self.name, self.category, self.facts
        if self.erased or ref is None or number is None or name is None or category is None or facts is None:
            raise Erased
        return Person(ref=ref, number=number, name=name, category=category, residence=self.residence, facts=facts)

    def record(self, fact: Fact) -> "tuple[Member, tuple[MemberFactRecorded]]":
        """Add a dated fact; raises WrongTenure (mem3), TermsOverlap (mem2), NotSuspended."""
        facts = _recorded(self.person().facts, fact)
        member = replace(self, version=self.version + 1, facts=facts)
        return member, (MemberFactRecorded(member=member, member_id=member.id, fact=fact),)

    def amend(self, *, name: str, category: str, residence: Position | None) -> "tuple[Member, tuple[MemberAmended]]":
        """What the club now knows of the person: the three values as they are from now on."""
        self.person()
        member = replace(
            self,
            version=self.version + 1,
            name=names.name(name),
            category=names.label(category, "category"),
            residence=residence,
        )
        return member, (MemberAmended(member=member),)

    def erase(self) -> "tuple[Member, tuple[MemberErased]]":
        """Forget the person; what remains is an empty place in the register."""
        self.person()
        member = replace(
            self,
            version=self.version + 1,
            ref=None,
            number=None,
            name=None,
            category=None,
            residence=None,
            facts=None,
            erased=True,
        )
        return member, (MemberErased(member=member),)


def tenure(facts: Sequence[Fact]) -> Tenure:
    """Where the facts, in order, lead; raises WrongTenure at the first that may not follow (rule mem3)."""
    held = Tenure.APPLICANT
    for fact in facts:
        held = step(TENURES, held, fact.kind, WrongTenure)
    return held


def _recorded(facts: tuple[Fact, ...], fact: Fact) -> tuple[Fact, ...]:
    if len(facts) >= MOST_FACTS:
        raise TooManyFacts(most=MOST_FACTS)
    tenure((*facts, fact))
    if fact.kind is FactKind.TERM:
        _check_term(facts, fact)
    if fact.kind is FactKind.SUSPENSION_LIFTED and suspended(facts, fact.first) is None:
        raise NotSuspended(on=fact.first)
    return (*facts, fact)


def _check_term(facts: tuple[Fact, ...], term: Fact) -> None:
    last = term.last or date.max
    overlaps = any(first <= last and term.first <= (end or date.max) for first, end in terms_held(facts))
    # A term that began before a resignation would make the resignation say nothing.
    resigned = any(fact.kind is FactKind.RESIGNED and term.first <= fact.first for fact in facts)
    if overlaps or resigned:
        raise TermsOverlap(first=term.first, last=term.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEvent(Event):
    """What all events of a member share: the state afterwards, and the home club as the only party."""

    member: Member

    @property
    def parties(self) -> tuple[UUID, ...]:
        """The home club."""
        return (self.member.club_id,)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEnrolled(MemberEvent):
    """A person entered the club's register."""

    type: ClassVar[str] = "clubs.member_enrolled"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFactRecorded(MemberEvent):
    """The club learnt a dated fact of the membership."""

    type: ClassVar[str] = "clubs.member_fact_recorded"
    member_id: UUID
    fact: Annotated[Fact, Personal("member_id")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAmended(MemberEvent):
    """What the club knows of the person changed."""

    type: ClassVar[str] = "clubs.member_amended"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberErased(MemberEvent):
    """The person was erased: openings of this member's values, under its id, are destroyed and not tampered with."""

    type: ClassVar[str] = "clubs.member_erased"
