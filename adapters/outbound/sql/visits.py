"""Visits and what the home club grants the host to know meanwhile, in SQL: tables, and the questions about them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import cast
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
from adapters.outbound.sql.types import Bytes, Id, Instant, Named, Plain
from core.clubs.standing import Fact
from core.clubs.visit import Visit, VisitCheckedIn
from core.clubs.visit_refusals import AlreadyCheckedIn
from core.clubs.visit_states import VisitState
from ports.clubs import Grant, NeverCheckedIn
from ports.unit_of_work import Missing

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

_UNENDED = sql("state IN ('requested', 'confirmed', 'checked_in')")
Index("ix_visit_unended", visit.c.host_club, visit.c.last_day, postgresql_where=_UNENDED, sqlite_where=_UNENDED)
_OPEN = sql("state = 'checked_in'")
Index("uq_visit_open", visit.c.home_club, visit.c.member_ref, unique=True, postgresql_where=_OPEN, sqlite_where=_OPEN)


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
        await self._session.lock(f"visits\0{member_ref}")

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


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
