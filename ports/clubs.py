"""What the clubs module asks of storage: one small repository per aggregate, inside a transaction.

`get` raises Missing, never returns None. `save` compares versions and raises StaleVersion; `add` inserts version 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from core.clubs.agreement import Agreement
from core.clubs.club import Club
from core.clubs.member import Member
from core.clubs.settlement import SettlementState, Unmatched
from core.clubs.standing import Fact
from core.clubs.visit import Visit
from core.clubs.visit_states import VisitState
from ports.log import DirectoryEntry
from ports.unit_of_work import Tx
from shared.canonical import Json
from shared.errors import Conflict, NotFound


class SlugTaken(Conflict):
    """Another club of the network has this slug."""

    code = "club/slug-taken"
    title = "Another club has this slug."


class NumberTaken(Conflict):
    """The member number was used before in this club; numbers are never used again (rule mem5)."""

    code = "member/number-taken"
    title = "This member number was used before."


class AgreementExists(Conflict):
    """The two clubs have another active agreement of this scope (rule agr1)."""

    code = "agreement/exists"
    title = "The two clubs have an active agreement already."


class NeverCheckedIn(NotFound):
    """The visit is there, and nobody was admitted by it (yet)."""

    code = "visit/never-checked-in"
    title = "Nobody has been checked in by this visit."


class Clubs(Protocol):
    """Clubs; a caller sees its own, and of others the directory entry."""

    async def get(self, key: UUID) -> Club: ...

    async def found(self, club: Club, origin: str) -> None:
        """Add it, and its own log's origin; enters the club into the directory; raises SlugTaken."""

    async def save(self, club: Club) -> None: ...

    async def entry(self, key: UUID) -> DirectoryEntry:
        """Any club of the network."""


class Members(Protocol):
    """The club's own members."""

    async def get(self, key: UUID) -> Member: ...

    async def by_ref(self, ref: UUID) -> Member:
        """The member behind a reference; raises Missing once the person is erased."""

    async def add(self, member: Member) -> None:
        """Raises NumberTaken, also for a number whose member was erased."""

    async def save(self, member: Member) -> None: ...


class Agreements(Protocol):
    """Agreements that the club is a party of; another club's draft is missing."""

    async def get(self, key: UUID) -> Agreement: ...

    async def relied_on(self, key: UUID) -> Agreement:
        """The same for whoever will not change it: it stays as it is until the end, for others who rely on it too."""

    async def newest_between(self, one: UUID, other: UUID, scope: str) -> Agreement:
        """The active or suspended agreement of the two, else the newest that ever was in force; raises Missing."""

    async def live(self) -> Sequence[Agreement]:
        """Active and suspended agreements that this club proposed: those whose end it looks after."""

    async def add(self, agreement: Agreement) -> None: ...

    async def save(self, agreement: Agreement) -> None:
        """Raises AgreementExists when a second one of the pair and scope would become active."""


class Visits(Protocol):
    """Visits that the club is host or home of."""

    async def get(self, key: UUID) -> Visit: ...

    async def hold(self, member_ref: UUID) -> None:
        """Wait for the right to decide on this member's visits and keep it until the end: one decision at a time."""

    async def held(self, key: UUID) -> Visit:
        """The visit, with its member's visits held first; raises Missing."""

    async def consumed(
        self, agreement_id: UUID, member_ref: UUID, states: frozenset[VisitState], *, but: UUID
    ) -> Sequence[date]:
        """Days of the member's other visits under the agreement in these states, once per visit, sorted (vis6)."""

    async def due(self, *, ahead: date, inside: date, most: int) -> Sequence[UUID]:
        """Ids of visits to this club whose days are over, of the oldest days first and no more than `most`.

        Those that may still begin have a last day of at most `ahead`, those under way one of at most `inside`.
        """

    async def add(self, visit: Visit) -> None: ...

    async def save(self, visit: Visit) -> None:
        """Raises the core's AlreadyCheckedIn when it would be the member's second open check-in anywhere."""

    async def of_member(self, member_ref: UUID) -> Sequence[Visit]:
        """Every visit of the member, oldest first."""

    async def admission(self, key: UUID) -> UUID:
        """The event of the visit's newest check-in; raises Missing, or NeverCheckedIn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the home club lets the host know of a visitor while the visit lasts, and no more."""

    visit_id: UUID
    home_club: UUID
    host_club: UUID
    member_ref: UUID
    category: str
    facts: tuple[Fact, ...]
    distance_from_club_metres: int
    distance_from_residence_metres: int | None


class Grants(Protocol):
    """Standing rows: written by the home club, read by the host."""

    async def get(self, visit_id: UUID) -> Grant: ...

    async def put(self, grant: Grant) -> None:
        """Insert it, or rewrite it after a change of the member's facts."""

    async def drop(self, visit_id: UUID) -> None:
        """When the visit ends; either party may."""

    async def of_member(self, member_ref: UUID) -> Sequence[Grant]:
        """The member's live grants (home club only)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedSubject:
    """A subject whose key is gone; `shared_with` is the other club whose log holds disclosures under it."""

    id: UUID
    shared_with: UUID | None


class Subjects(Protocol):
    """Keys under which personal values are disclosed: one per (recording club, person), one per visit of a person."""

    async def add(
        self, subject: UUID, key: bytes, *, person: UUID | None = None, shared_with: UUID | None = None
    ) -> None:
        """Keep a new key (32 bytes) of this club, of `person` if it is one's; `shared_with` may read it too."""

    async def key(self, subject: UUID) -> bytes:
        """Raises Missing once erased."""

    async def erase(self, person: UUID) -> Sequence[ErasedSubject]:
        """Destroy a person's keys, every disclosure under them in whichever log, and the answers that show them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVerdict:
    """The record of the event that a verdict was given for, and by name what is left of its personal parts."""

    record: bytes
    disclosed: Mapping[str, Json]


class Verdicts(Protocol):
    """Verdicts as the club's own records keep them."""

    async def get(self, verdict_id: UUID) -> StoredVerdict:
        """Raises Missing; `disclosed` (`inputs`, `failed`) is empty once the person was erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitCount:
    """How many check-ins a pair of clubs had in a month (`2026-03`, by the host's calendar)."""

    host_club: UUID
    home_club: UUID
    month: str
    visits: int


class VisitCounts(Protocol):
    """A projection: nothing decides by it, and it can be made anew from the events."""

    async def add(self, host_club: UUID, home_club: UUID, month: str) -> None:
        """One check-in more."""

    async def of_club(self) -> Sequence[VisitCount]:
        """Every count that the club is a party of, newest month first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Where a pair of clubs stands with a month (`2026-03`, in UTC) since `at`; `first_club` has the lower id.

    `pair`, `commitment` (32 bytes each) and `evidence` are what the ledger holds once it is settled; `reason` is why it
    is refused; `only_first` and `only_second` are the visits that only one club's log has, where they differ.
    """

    first_club: UUID
    second_club: UUID
    period: str
    state: SettlementState
    at: datetime
    pair: bytes | None = None
    commitment: bytes | None = None
    evidence: dict[str, Json] | None = None
    reason: str | None = None
    only_first: tuple[Unmatched, ...] = ()
    only_second: tuple[Unmatched, ...] = ()

    @property
    def clubs(self) -> tuple[UUID, UUID]:
        return self.first_club, self.second_club


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckIn:
    """The club's own record of a check-in, and whether it has its place in the club's log yet."""

    record: bytes
    placed: bool


class Settlements(Protocol):
    """What pairs settle, and what follows from the club's own log alone."""

    async def add(self, settlement: Settlement) -> None:
        """Note that there is something to settle; one that is known stays as it is."""

    async def save(self, settlement: Settlement) -> None:
        """Say where it stands; one that is settled stays so, of which the evidence alone may be another one."""

    async def due(self, until: str) -> Sequence[Settlement]:
        """Those up to this period that are not settled, of the pairs whose first club this is."""

    async def of_club(self) -> Sequence[Settlement]:
        """Every one that the club is a party of, newest period first."""

    async def check_ins(self, start: datetime, end: datetime) -> Sequence[StoredCheckIn]:
        """At least the club's records of check-ins from `start` to, not including, `end`."""


class ClubsTx(Tx, Protocol):
    """A transaction of the clubs module."""

    @property
    def clubs(self) -> Clubs: ...
    @property
    def members(self) -> Members: ...
    @property
    def agreements(self) -> Agreements: ...
    @property
    def visits(self) -> Visits: ...
    @property
    def grants(self) -> Grants: ...
    @property
    def subjects(self) -> Subjects: ...
    @property
    def verdicts(self) -> Verdicts: ...
    @property
    def visit_counts(self) -> VisitCounts: ...
    @property
    def settlements(self) -> Settlements: ...
