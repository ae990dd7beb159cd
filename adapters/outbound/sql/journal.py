"""What emitting writes: the event, a record per party's log, its disclosures, and pending rows for every consumer."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from adapters.outbound.sql import schema
from adapters.outbound.sql.database import Session, mine
from core.log.disclosures import disclose
from core.log.records import SALT_SIZE, Sealed, build_records, commitment
from core.log.sealing import subjects_of
from ports.caller import Caller
from ports.unit_of_work import Missing
from shared.canonical import dumps
from shared.events import Event

RELAY, LOG = "relay", "log"
"""The consumers of every event: the relay once, the integrator of each party's log."""

_SUBJECTS = select(schema.subject).where(
    schema.subject.c.id.in_(bindparam("subjects", expanding=True)), mine(schema.subject)
)

Row = dict[str, Any]


class Journal:
    """Collects the rows of the events of one transaction, and writes them together."""

    def __init__(self, session: Session, caller: Caller) -> None:
        self._session = session
        self._caller = caller
        self.subject: Row | None = None
        self._events: list[Row] = []
        self._records: list[Row] = []
        self._disclosures: list[Row] = []
        self._pending: list[Row] = []

    async def write(self, events: Sequence[Event]) -> None:
        """Write everything that these events establish, in four statements."""
        keys = await self._keys(events)
        for event in events:
            await self._add(event, keys)
        await self._session.insert(schema.event, self._events)
        await self._session.insert(schema.record, self._records)
        await self._session.insert(schema.disclosure, self._disclosures)
        await self._session.insert(schema.pending, self._pending)

    async def _keys(self, events: Iterable[Event]) -> dict[UUID, Row]:
        wanted = {_named(subject) for event in events for subject in subjects_of(event)}
        if not wanted:
            return {}
        known = self._session.subjects
        if unknown := wanted - known.keys():
            known |= {row["id"]: dict(row) for row in await self._session.all(_SUBJECTS, subjects=list(unknown))}
        keys = {subject: known[subject] for subject in wanted if subject in known}
        if len(keys) != len(wanted):
            raise Missing(kind="subject")
        if len(keys) > 1 and self._caller.once is not None:
            # An answer is kept under one subject: erasing the others would leave it.
            raise RuntimeError(f"{self._caller.once.operation} concerns more than one subject under an idempotency key")
        self.subject = next(iter(keys.values()))
        return keys

    async def _add(self, event: Event, keys: dict[UUID, Row]) -> None:
        database, caller = self._session.database, self._caller
        event_id = event.event_id or database.new_id()
        at, parties = database.now(), event.parties
        logs = [await self._session.origin_of(club) for club in parties]
        disclosed: list[Row] = []

        def digest(sealed: Sealed) -> str:
            row = keys[_named(sealed.subject)]
            opened = disclose(
                key=row["key"], origin=logs[0], event_id=str(event_id), pointer=sealed.pointer, value=sealed.value
            )
            value = dumps(sealed.value).decode()
            whose = {"subject": row["id"], "subject_club": row["club_id"]}
            disclosed.append({"pointer": sealed.pointer, "name": sealed.name, "value": value, **whose})
            return opened.digest

        records = build_records(
            event, logs=logs, event_id=event_id, at=at, actor=caller.principal, req=caller.request_id, digest=digest
        )
        self._events.append(self._event_row(event, event_id, at))
        for club, data in zip(parties, records, strict=True):
            salt = database.random_bytes(SALT_SIZE)
            row = {"club_id": club, "event_id": event_id}
            self._records.append({**row, "data": data, "salt": salt, "commitment": commitment(salt, data)})
            self._disclosures.extend({**row, **one} for one in disclosed)
            self._pending.append({"event_id": event_id, "tenant": club, "consumer": LOG, "at": at})
        # Whoever acted: all events of an aggregate stand in one queue, or its versions would overtake each other.
        self._pending.append({"event_id": event_id, "tenant": parties[0], "consumer": RELAY, "at": at})

    def _event_row(self, event: Event, event_id: UUID, at: Any) -> Row:
        others = [club for club in event.parties if club != self._caller.club]
        if len(others) != len(event.parties) - 1 or len(others) > 1:
            raise RuntimeError(f"{event.type} is not an event of the club that emits it and at most one other")
        kind, aggregate_id, version = event.about
        return {
            "id": event_id,
            "club_id": self._caller.club,
            "other_club": others[0] if others else None,
            "leading_club": event.parties[0],
            "kind": kind,
            "aggregate_id": aggregate_id,
            "version": version,
            "type": event.type,
            "at": at,
            "actor": self._caller.principal,
            "request_id": self._caller.request_id,
        }


def _named(subject: object) -> UUID:
    if not isinstance(subject, UUID):
        raise TypeError(f"a personal value names its subject by {type(subject).__name__}, not by an id")
    return subject
