"""Clubs, members and agreements in SQL: their tables, and the questions that are theirs alone."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    Text,
    and_,
    bindparam,
    or_,
    select,
)
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError

from adapters.outbound.sql import schema
from adapters.outbound.sql.aggregates import Mapped, SqlAggregates
from adapters.outbound.sql.database import TENANT, mine
from adapters.outbound.sql.schema import table
from adapters.outbound.sql.settlements import SqlSettlements
from adapters.outbound.sql.subjects import SqlSubjects, SqlVerdicts
from adapters.outbound.sql.types import Bytes, Id, Instant, Named, Plain
from adapters.outbound.sql.unit_of_work import SqlTx
from adapters.outbound.sql.visit_counts import SqlVisitCounts
from adapters.outbound.sql.visits import SqlGrants, SqlVisits
from core.clubs.agreement import Agreement, AgreementState
from core.clubs.club import Club
from core.clubs.commitments import number_mark
from core.clubs.geography import Position
from core.clubs.member import Member
from core.clubs.standing import Fact
from core.clubs.terms import TermsVersion
from ports.clubs import AgreementExists, NumberTaken, SlugTaken
from ports.log import DirectoryEntry
from ports.unit_of_work import Missing

club = table(
    "club",
    Column("id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("slug", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("position", Plain(Position), nullable=False),
    Column("closing_time", Text, nullable=False),
    parties=("id",),
    rights="SIU",
    fixed=("slug",),
)

member = table(
    "member",
    Column("club_id", Id, primary_key=True),
    Column("id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("ref", Id, unique=True),
    Column("number", Text),
    Column("name", Text),
    Column("category", Text),
    Column("residence", Plain(Position)),
    Column("facts", Plain(tuple[Fact, ...])),
    Column("erased", Boolean, nullable=False),
    rights="SIU",
    personal=("number", "name", "category", "residence", "facts"),
)

member_number = table(
    "member_number",
    Column("club_id", Id, primary_key=True),
    Column("mark", Bytes, primary_key=True),
)

agreement = table(
    "agreement",
    Column("id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("proposer", Id, nullable=False),
    Column("partner", Id, nullable=False, index=True),
    Column("scope", Text, nullable=False),
    Column("state", Named(AgreementState), nullable=False),
    Column("versions", Plain(tuple[TermsVersion, ...]), nullable=False),
    Column("in_force", Integer),
    Column("activated_at", Instant),
    Column("suspended_by", Id),
    Column("suspension_reason", Text),
    Column("notice_by", Id),
    Column("terminates_at", Instant),
    parties=("proposer", "partner"),
    rights="SIU",
    fixed=("scope",),
)

# A draft is its author's alone; row-level security says the same on Postgres.
agreement.info["shown"] = or_(agreement.c.state != AgreementState.DRAFT.value, agreement.c.proposer == TENANT)

LIVE = (AgreementState.ACTIVE, AgreementState.SUSPENDED)

# SQLite compares two columns with min and max, Postgres with least and greatest; both say it as an expression.
_FIRST = "CASE WHEN proposer < partner THEN proposer ELSE partner END"
_SECOND = "CASE WHEN proposer < partner THEN partner ELSE proposer END"
_LIVE = sql("state IN ('active', 'suspended')")
Index(
    "uq_agreement_live",
    sql(f"({_FIRST})"),
    sql(f"({_SECOND})"),
    agreement.c.scope,
    unique=True,
    postgresql_where=_LIVE,
    sqlite_where=_LIVE,
    _table=agreement,
)


class SqlClubs(SqlAggregates[Club]):
    """Implements ports.clubs.Clubs."""

    mapped = Mapped(club, Club)
    _ENTRY = select(schema.directory).where(schema.directory.c.club == bindparam("key"))

    async def found(self, aggregate: Club, origin: str) -> None:
        try:
            await self._session.insert(schema.directory, [{"origin": origin, **_entry(aggregate)}])
            await self.add(aggregate)
        except IntegrityError as error:
            raise SlugTaken(slug=aggregate.slug) from error

    async def save(self, aggregate: Club) -> None:
        await super().save(aggregate)
        entry = _entry(aggregate)
        key = entry.pop("club")
        await self._session.change(schema.directory.update().where(schema.directory.c.club == key).values(entry))

    async def entry(self, key: UUID) -> DirectoryEntry:
        row = await self._session.first(self._ENTRY, key=key)
        if row is None:
            raise Missing(kind="club")
        return DirectoryEntry(**row)


class SqlMembers(SqlAggregates[Member]):
    """Implements ports.clubs.Members."""

    mapped = Mapped(member, Member)
    _KEY = select(schema.subject.c.key).where(schema.subject.c.id == bindparam("the_id"), mine(schema.subject))

    async def by_ref(self, ref: UUID) -> Member:
        found = await self.where(member.c.ref == bindparam("the_ref"), the_ref=ref)
        if not found or found[0].erased:
            raise Missing(kind="member")
        return found[0]

    async def add(self, aggregate: Member) -> None:
        # A mark under the club's own key outlives the person's erasure.
        key = await self._session.value(self._KEY, the_id=aggregate.club_id)
        if key is None:
            raise Missing(kind=Club.kind)
        mark = number_mark(bytes(key), aggregate.number or "")
        try:
            await self._session.insert(member_number, [{"club_id": aggregate.club_id, "mark": mark}])
        except IntegrityError as error:
            raise NumberTaken from error
        await super().add(aggregate)


class SqlAgreements(SqlAggregates[Agreement]):
    """Implements ports.clubs.Agreements."""

    mapped = Mapped(agreement, Agreement)

    async def newest_between(self, one: UUID, other: UUID, scope: str) -> Agreement:
        columns = agreement.c
        pair = or_(
            and_(columns.proposer == bindparam("one"), columns.partner == bindparam("other")),
            and_(columns.proposer == bindparam("other"), columns.partner == bindparam("one")),
        )
        found = await self.where(
            pair, columns.scope == bindparam("of"), columns.in_force.is_not(None), one=one, other=other, of=scope
        )
        live = [one for one in found if one.state in LIVE]
        if not found:
            raise Missing(kind=Agreement.kind)
        return (live or found)[-1]

    async def live(self) -> Sequence[Agreement]:
        columns = agreement.c
        found = await self.where(columns.state.in_(LIVE), columns.proposer == TENANT)
        return list(found)

    async def save(self, aggregate: Agreement) -> None:
        try:
            await super().save(aggregate)
        except IntegrityError as error:
            raise AgreementExists from error


class SqlClubsTx(SqlTx):
    """Implements ports.clubs.ClubsTx."""

    @property
    def clubs(self) -> SqlClubs:
        return SqlClubs(self.session)

    @property
    def members(self) -> SqlMembers:
        return SqlMembers(self.session)

    @property
    def agreements(self) -> SqlAgreements:
        return SqlAgreements(self.session)

    @property
    def visits(self) -> SqlVisits:
        return SqlVisits(self.session)

    @property
    def grants(self) -> SqlGrants:
        return SqlGrants(self.session)

    @property
    def subjects(self) -> SqlSubjects:
        return SqlSubjects(self.session)

    @property
    def verdicts(self) -> SqlVerdicts:
        return SqlVerdicts(self.session)

    @property
    def visit_counts(self) -> SqlVisitCounts:
        return SqlVisitCounts(self.session)

    @property
    def settlements(self) -> SqlSettlements:
        return SqlSettlements(self.session)


def _entry(aggregate: Club) -> dict[str, Any]:
    return {
        "club": aggregate.id,
        "name": aggregate.name,
        "zone": aggregate.zone,
        "latitude_microdegrees": aggregate.position.latitude_microdegrees,
        "longitude_microdegrees": aggregate.position.longitude_microdegrees,
    }
