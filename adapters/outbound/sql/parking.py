"""Parked messages in SQL: each is written and dropped as the club that acted, and all are read as no club."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select

from adapters.outbound.sql import schema
from adapters.outbound.sql.database import Database, everyones, mine
from ports.bus import Message
from ports.parking import ParkedMessage

_parked = schema.parked
_MESSAGES = select(
    _parked.c.club_id.label("club"), *(column for column in _parked.c if column.name != "club_id")
).where(everyones(_parked))
_EVERY = _MESSAGES.order_by(_parked.c.at, _parked.c.event_id, _parked.c.consumer)
_OF = _MESSAGES.where(_parked.c.event_id == bindparam("event_id")).order_by(_parked.c.consumer)
_COUNTS = (
    select(_parked.c.consumer, func.count().label("messages")).where(everyones(_parked)).group_by(_parked.c.consumer)
)
_DROP = delete(_parked).where(
    _parked.c.consumer == bindparam("consumer"), _parked.c.event_id == bindparam("event_id"), mine(_parked)
)


class SqlParking:
    """Implements ports.parking.Parking."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, consumer: str, message: Message, error: str) -> None:
        club, at = message.clubs[0], self._database.now()
        row = {"club_id": club, "consumer": consumer, "event_id": message.id}
        async with self._database.transaction(club) as session:
            await session.insert_new(_parked, {**row, "type": message.type, "error": error, "at": at})

    async def list(self) -> Sequence[ParkedMessage]:
        return [ParkedMessage(**row) for row in await self._database.rows(None, _EVERY)]

    async def of(self, event_id: UUID) -> Sequence[ParkedMessage]:
        return [ParkedMessage(**row) for row in await self._database.rows(None, _OF, event_id=event_id)]

    async def counts(self) -> Mapping[str, int]:
        return {row["consumer"]: row["messages"] for row in await self._database.rows(None, _COUNTS)}

    async def drop(self, parked: ParkedMessage) -> None:
        async with self._database.transaction(parked.club) as session:
            await session.change(_DROP, consumer=parked.consumer, event_id=parked.event_id)
