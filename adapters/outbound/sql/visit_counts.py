"""The projection of visits per pair of clubs and month, in SQL."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Column, Integer, Text, bindparam, select

from adapters.outbound.sql.database import Session, mine
from adapters.outbound.sql.schema import table
from adapters.outbound.sql.types import Id
from ports.clubs import VisitCount

visit_count = table(
    "visit_count",
    Column("host_club", Id, primary_key=True),
    Column("home_club", Id, primary_key=True),
    Column("month", Text, primary_key=True),
    Column("visits", Integer, nullable=False),
    parties=("host_club", "home_club"),
    rights="SIU",
)


class SqlVisitCounts:
    """Implements ports.clubs.VisitCounts."""

    _columns = visit_count.c
    _MORE = (
        visit_count.update()
        .where(_columns.host_club == bindparam("host"), _columns.home_club == bindparam("home"))
        .where(_columns.month == bindparam("of_month"), mine(visit_count))
        .values(visits=_columns.visits + 1)
    )
    _ALL = select(visit_count).where(mine(visit_count)).order_by(_columns.month.desc(), _columns.host_club)

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, host_club: UUID, home_club: UUID, month: str) -> None:
        row = {"host_club": host_club, "home_club": home_club, "month": month, "visits": 0}
        await self._session.insert_new(visit_count, row)
        await self._session.change(self._MORE, host=host_club, home=home_club, of_month=month)

    async def of_club(self) -> Sequence[VisitCount]:
        return [VisitCount(**row) for row in await self._session.all(self._ALL)]
