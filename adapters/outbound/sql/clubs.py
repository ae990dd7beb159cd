"""Clubs, members, agreements, visits and grants in SQL: their tables, and the questions that are theirs alone."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    Text,
    and_,
    bindparam,
    delete,
    or_,
    select,
)
from sqlalchemy import text as sql
from sqlalchemy.exc import IntegrityError

from adapters.outbound.sql import schema
from adapters.outbound.sql.aggregates import Mapped, SqlAggregates
from adapters.outbound.sql.database import TENANT, Session, mine
from adapters.outbound.sql.schema import table
from adapters.outbound.sql.subjects import SqlSubjects, SqlVerdicts
from adapters.outbound.sql.types import Bytes, Id, Instant, Named, Plain
from adapters.outbound.sql.unit_of_work import SqlTx
from adapters.outbound.sql.visit_counts import SqlVisitCounts
from core.clubs.agreement import Agreement, AgreementState
from core.clubs.club import Club
from core.clubs.commitments import number_mark
from core.clubs.geography import Position
from core.clubs.member import Member
from core.clubs.standing import Fact
from core.clubs.terms import TermsVersion
from core.clubs.visit import Visit, VisitCheckedIn
from core.clubs.visit_refusals import AlreadyCheckedIn
from core.clubs.visit_states import VisitState
from ports.clubs import AgreementExists, Grant, NeverCheckedIn, NumberTaken, SlugTaken
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

visit = table(
    "visit",
    Column("id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("host_club", Id, nullable=False),
    Column("home_club", Id, nullable=False),
    Column("agreement_id", Id, nullable=False),
    Column("terms_number", Integer, nullable=False),
    Column("terms_hash", Bytes, nullable=False),
    Column("member_ref", Id, nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("state", Named(VisitState), nullable=False),
    Column("verdict_hash", Bytes, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("confirmed_at", Instant),
    Column("checked_in_at", Instant),
    Column("checked_out_at", Instant),
    Column("auto_check_out", Boolean, nullable=False),
    Column("reason", Text),
    Column("commitment", Bytes),
    Column("erased", Boolean, nullable=False),
    Index("ix_visit_member", "member_ref", "agreement_id"),
    Index("ix_visit_host", "host_club", "id"),
    Index("ix_visit_home", "home_club", "id"),
    parties=("host_club", "home_club"),
    rights="SIU",
    personal=("reason",),
    fixed=("agreement_id", "member_ref", "requested_at"),
)

standing_grant = table(
    "standing_grant",
    Column("visit_id", Id, primary_key=True),
    Column("home_club", Id, nullable=False),
    Column("host_club", Id, nullable=False),
    Column("member_ref", Id, nullable=False, index=True),
    Column("category", Text, nullable=False),
    Column("facts", Plain(tuple[Fact, ...]), nullable=False),
    Column("distance_from_club_metres", Integer, nullable=False),
    Column("distance_from_residence_metres", Integer),
    parties=("home_club", "host_club"),
    rights="SIUD",
    personal=("category", "facts", "distance_from_club_metres", "distance_from_residence_metres"),
)

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
_UNENDED = sql("state IN ('requested', 'confirmed', 'checked_in')")
Index("ix_visit_unended", visit.c.host_club, visit.c.last_day, postgresql_where=_UNENDED, sqlite_where=_UNENDED)
_OPEN = sql("state = 'checked_in'")
Index("uq_visit_open", visit.c.home_club, visit.c.member_ref, unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN)


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
        await self._session.run(schema.directory.update().where(schema.directory.c.club == key).values(entry))

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


class SqlVisits(SqlAggregates[Visit]):
    """Implements ports.clubs.Visits."""

    mapped = Mapped(visit, Visit)
    _CONSUMED = select(visit.c.first_day, visit.c.last_day).where(
        visit.c.agreement_id == bindparam("of_agreement"),
        visit.c.member_ref == bindparam("of_ref"),
        visit.c.id != bindparam("but"),
        visit.c.state.in_(bindparam("states", expanding=True)),
        mine(visit),
    )

    # The index holds no visit that has ended, and `latest` bounds what is read of it.
    _DUE = (
        select(visit.c.id)
        .where(
            visit.c.host_club == TENANT,
            _UNENDED,
            visit.c.last_day <= bindparam("latest"),
            or_(
                and_(visit.c.state == VisitState.CHECKED_IN, visit.c.last_day <= bindparam("inside")),
                and_(visit.c.state != VisitState.CHECKED_IN, visit.c.last_day <= bindparam("ahead")),
            ),
        )
        .order_by(visit.c.last_day, visit.c.id)
        .limit(bindparam("most"))
    )
    _REF = select(visit.c.member_ref).where(visit.c.id == bindparam("key"), mine(visit))
    _CHECK_IN = and_(
        schema.event.c.kind == Visit.kind,
        schema.event.c.aggregate_id == visit.c.id,
        schema.event.c.type == VisitCheckedIn.type,
        mine(schema.event),
    )
    _ADMISSION = (
        select(schema.event.c.id)
        .select_from(visit.outerjoin(schema.event, _CHECK_IN))
        .where(visit.c.id == bindparam("key"), mine(visit))
        .order_by(schema.event.c.version.desc())
        .limit(1)
    )

    async def hold(self, member_ref: UUID) -> None:
        await self._session.database.dialect.lock(self._session.connection, f"visits\0{member_ref}")

    async def held(self, key: UUID) -> Visit:
        # The row is locked only after the member is held, as everywhere: two orders of locking would be a deadlock.
        member_ref = await self._session.value(self._REF, key=key)
        if member_ref is None:
            raise Missing(kind=Visit.kind)
        await self.hold(member_ref)
        return await self.get(key)

    async def consumed(
        self, agreement_id: UUID, member_ref: UUID, states: frozenset[VisitState], *, but: UUID
    ) -> Sequence[date]:
        rows = await self._session.all(
            self._CONSUMED, of_agreement=agreement_id, of_ref=member_ref, but=but, states=[*states]
        )
        return sorted(day for row in rows for day in _days(row["first_day"], row["last_day"]))

    async def due(self, *, ahead: date, inside: date, most: int) -> Sequence[UUID]:
        latest = max(ahead, inside)
        rows = await self._session.all(self._DUE, ahead=ahead, inside=inside, latest=latest, most=most)
        return [row["id"] for row in rows]

    async def save(self, aggregate: Visit) -> None:
        try:
            await super().save(aggregate)
        except IntegrityError as error:
            raise AlreadyCheckedIn from error

    async def of_member(self, member_ref: UUID) -> Sequence[Visit]:
        return await self.where(visit.c.member_ref == bindparam("of_ref"), locked=True, of_ref=member_ref)

    async def admission(self, key: UUID) -> UUID:
        row = await self._session.first(self._ADMISSION, key=key)
        if row is None:
            raise Missing(kind=Visit.kind)
        if row["id"] is None:
            raise NeverCheckedIn
        return cast(UUID, row["id"])


class SqlGrants:
    """Implements ports.clubs.Grants."""

    _NAMES = tuple(standing_grant.columns.keys())
    _GET = select(standing_grant).where(standing_grant.c.visit_id == bindparam("key"), mine(standing_grant))
    _DROP = delete(standing_grant).where(standing_grant.c.visit_id == bindparam("key"), mine(standing_grant))
    # Locked, since whoever rewrites a grant that was dropped meanwhile would put it back for good.
    _OF = (
        select(standing_grant)
        .where(standing_grant.c.member_ref == bindparam("ref"), standing_grant.c.home_club == TENANT)
        .order_by(standing_grant.c.visit_id)
        .with_for_update()
    )

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, visit_id: UUID) -> Grant:
        row = await self._session.first(self._GET, key=visit_id)
        if row is None:
            raise Missing(kind="grant")
        return Grant(**row)

    async def put(self, grant: Grant) -> None:
        await self._session.upsert(standing_grant, [{name: getattr(grant, name) for name in self._NAMES}])

    async def drop(self, visit_id: UUID) -> None:
        await self._session.change(self._DROP, key=visit_id)

    async def of_member(self, member_ref: UUID) -> Sequence[Grant]:
        return [Grant(**row) for row in await self._session.all(self._OF, ref=member_ref)]


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


def _entry(aggregate: Club) -> dict[str, Any]:
    return {
        "club": aggregate.id,
        "name": aggregate.name,
        "zone": aggregate.zone,
        "latitude_microdegrees": aggregate.position.latitude_microdegrees,
        "longitude_microdegrees": aggregate.position.longitude_microdegrees,
    }


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
