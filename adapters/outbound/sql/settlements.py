"""What pairs of clubs settle, in SQL: a row for each pair's month, and the check-ins that a club has records of."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Text, and_, bindparam, or_, select, update
from sqlalchemy import text as sql

from adapters.outbound.sql import schema
from adapters.outbound.sql.database import TENANT, Session, mine
from adapters.outbound.sql.schema import table
from adapters.outbound.sql.types import Bytes, Id, Instant, Named, Plain
from core.clubs.settlement import CLOSED_AFTER, SettlementState, Unmatched
from core.clubs.visit import VisitCheckedIn
from ports.clubs import Settlement, StoredCheckIn

settlement = table(
    "settlement",
    Column("first_club", Id, primary_key=True),
    Column("second_club", Id, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("state", Named(SettlementState), nullable=False),
    Column("at", Instant, nullable=False),
    Column("pair", Bytes),
    Column("commitment", Bytes),
    Column("evidence", Plain(dict[str, Any])),
    Column("reason", Text),
    Column("only_first", Plain(tuple[Unmatched, ...]), nullable=False),
    Column("only_second", Plain(tuple[Unmatched, ...]), nullable=False),
    Index("ix_settlement_second_club", "second_club"),
    parties=("first_club", "second_club"),
    rights="SIU",
)

_CHECKED_IN = sql(f"type = '{VisitCheckedIn.type}'")
Index("ix_event_check_in", schema.event.c.at, postgresql_where=_CHECKED_IN, sqlite_where=_CHECKED_IN)

_NAMES = tuple(settlement.columns.keys())
_CHANGED = {name: bindparam(f"new_{name}", type_=settlement.c[name].type) for name in schema.changeable(settlement)}


class SqlSettlements:
    """Implements ports.clubs.Settlements."""

    _columns = settlement.c
    _ALL = select(settlement).where(mine(settlement)).order_by(_columns.period.desc(), _columns.first_club)
    _DUE = _ALL.where(
        _columns.first_club == TENANT,
        _columns.period <= bindparam("until"),
        _columns.state != SettlementState.SETTLED,
    )
    _ONE = select(settlement).where(
        _columns.first_club == bindparam("first"),
        _columns.second_club == bindparam("second"),
        _columns.period == bindparam("of_period"),
        mine(settlement),
    )
    # What was settled stays so, whoever comes late; the ledger's word on it may be a newer one.
    _SAME = and_(_CHANGED["state"] == SettlementState.SETTLED, _columns.commitment == _CHANGED["commitment"])
    _SAVE = (
        update(settlement)
        .where(
            _columns.first_club == bindparam("first"),
            _columns.second_club == bindparam("second"),
            _columns.period == bindparam("of_period"),
            or_(_columns.state != SettlementState.SETTLED, _SAME),
            mine(settlement),
        )
        .values(_CHANGED)
    )
    _record, _leaf, _event = schema.record, schema.leaf, schema.event
    _CHECK_INS = (
        select(_record.c.event_id, _record.c.data, _leaf.c.index)
        .select_from(
            _event.join(_record, and_(_record.c.event_id == _event.c.id, mine(_record))).outerjoin(
                _leaf, and_(_leaf.c.event_id == _event.c.id, mine(_leaf))
            )
        )
        .where(_CHECKED_IN, _event.c.at >= bindparam("start"), _event.c.at < bindparam("end"), mine(_event))
        .order_by(_record.c.event_id)
    )

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, settlement_: Settlement) -> None:
        await self._session.insert_new(settlement, _row(settlement_))

    async def save(self, settlement_: Settlement) -> None:
        row = _row(settlement_)
        new = {f"new_{name}": row[name] for name in schema.changeable(settlement)}
        key = {"first": row["first_club"], "second": row["second_club"], "of_period": row["period"]}
        await self._session.change(self._SAVE, **key, **new)

    async def due(self, until: str) -> Sequence[Settlement]:
        return [Settlement(**row) for row in await self._session.all(self._DUE, until=until)]

    async def of_club(self) -> Sequence[Settlement]:
        return [Settlement(**row) for row in await self._session.all(self._ALL)]

    async def check_ins(self, start: datetime, end: datetime) -> Sequence[StoredCheckIn]:
        # An event is noted a moment after the instant that its verdict was given for, by a clock that may be set back.
        around = {"start": start - CLOSED_AFTER, "end": end + CLOSED_AFTER}
        rows = await self._session.all(self._CHECK_INS, **around)
        return [StoredCheckIn(record=bytes(row["data"]), placed=row["index"] is not None) for row in rows]


def _row(settlement_: Settlement) -> dict[str, Any]:
    return {name: getattr(settlement_, name) for name in _NAMES}
