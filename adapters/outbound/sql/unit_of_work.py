"""A transaction of one caller: its idempotency key first, its events and its answer last, then the commit."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import BindParameter, and_, bindparam, delete, func, select, tuple_

from adapters.outbound.sql import schema
from adapters.outbound.sql.database import Database, Session, everyones, mine
from adapters.outbound.sql.journal import RELAY, Journal
from ports.caller import Caller, Once
from ports.unit_of_work import KeyReused, Replayed, kept
from shared.events import Event

V = TypeVar("V")
TxT = TypeVar("TxT", bound="SqlTx")

ANSWERS_KEPT = timedelta(hours=24)
HANDLED_KEPT = timedelta(days=7)

_answer, _inbox, _pending, _parked = schema.answer, schema.inbox, schema.pending, schema.parked
_before: BindParameter[Any] = bindparam("before")
_most: BindParameter[Any] = bindparam("most")
_key = and_(*(_answer.c[name] == bindparam(f"the_{name}") for name in ("principal", "operation", "key")))
_ANSWER = select(_answer).where(_key, mine(_answer))
_FORGET = delete(_answer).where(_key, mine(_answer))

# The age stands in the outer condition too: a key that is used again meanwhile has a new row under the old name.
_names = (_answer.c.principal, _answer.c.operation, _answer.c.key)
_oldest = select(*_names).where(_answer.c.at < _before, mine(_answer)).order_by(_answer.c.at).limit(_most)
_DROP_ANSWERS = delete(_answer).where(
    tuple_(*_names).in_(_oldest.correlate(None)), _answer.c.at < _before, mine(_answer)
)

# An event is pending before anybody notes that it was handled: what was noted before the oldest of the relay's rows is
# of no event that is still pending. Looking for each event by itself would need one more index on every row written.
_RELAYING_SINCE = select(func.min(_pending.c.at).label("at")).where(_pending.c.consumer == RELAY)
_is_parked = and_(_parked.c.event_id == _inbox.c.event_id, _parked.c.consumer == _inbox.c.consumer, everyones(_parked))
_noted = (_inbox.c.consumer, _inbox.c.event_id)
_handled = (
    select(*_noted)
    .select_from(_inbox.outerjoin(_parked, _is_parked))
    .where(_inbox.c.at < _before, _parked.c.event_id.is_(None))
    .order_by(_inbox.c.at)
    .limit(_most)
)
_DROP_HANDLED = delete(_inbox).where(tuple_(*_noted).in_(_handled.correlate(None)))


class SqlTx:
    """What every module's transaction has; repositories are added by subclasses."""

    def __init__(self, session: Session, caller: Caller) -> None:
        self.session = session
        self.caller = caller
        self._events: list[Event] = []
        self._answer: bytes | None = None

    def emit(self, *events: Event) -> None:
        self._events.extend(events)

    def answer(self, view: V) -> V:
        if self.caller.once is not None:
            self._answer = kept(view)
        return view

    async def first_time(self, consumer: str, event_id: UUID) -> bool:
        row = {"consumer": consumer, "event_id": event_id, "at": self.session.database.now()}
        return await self.session.insert_new(schema.inbox, row)

    async def open(self) -> None:
        """Look the key up: raises Replayed or KeyReused when it was used within the time that answers are kept."""
        once = self.caller.once
        if once is None:
            return
        row = await self.session.first(_ANSWER, **_named(self.caller, once))
        if row is None:
            return
        if row["at"] + ANSWERS_KEPT < self.session.database.now():
            await self.session.change(_FORGET, **_named(self.caller, once))
            return
        if row["fingerprint"] != once.fingerprint:
            raise KeyReused
        raise Replayed(bytes(row["answer"]))

    async def close(self) -> None:
        """Write what was emitted and answered; the commit follows."""
        journal = Journal(self.session, self.caller)
        if self._events:
            await journal.write(self._events)
        once = self.caller.once
        if once is None:
            return
        if self._answer is None:
            raise RuntimeError(f"{once.operation} commits under an idempotency key without an answer")
        subject = journal.subject or {"id": None, "club_id": None}
        row = {
            "club_id": self.caller.club,
            "principal": self.caller.principal,
            "operation": once.operation,
            "key": once.key,
            "fingerprint": once.fingerprint,
            "answer": self._answer,
            "at": self.session.database.now(),
            "subject": subject["id"],
            "subject_club": subject["club_id"],
        }
        await self.session.insert(schema.answer, [row])


class SqlBegin(Generic[TxT]):
    """Opens transactions of one module; with `reading` they wait for no writer, and may not emit or answer."""

    def __init__(self, database: Database, tx: Callable[[Session, Caller], TxT], *, reading: bool = False) -> None:
        self._database = database
        self._tx = tx
        self._reading = reading

    @asynccontextmanager
    async def __call__(self, caller: Caller) -> AsyncIterator[TxT]:
        if caller.club is None:
            raise RuntimeError("a transaction needs the club that it belongs to")
        if self._reading:
            async with self._database.reading(caller.club) as session:
                yield self._tx(session, caller)
            return
        async with self._database.transaction(caller.club, _lock_name(caller)) as session:
            tx = self._tx(session, caller)
            await tx.open()
            yield tx
            await tx.close()


class SqlLeftovers:
    """Implements ports.unit_of_work.Leftovers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def drop_answers(self, club: UUID, limit: int) -> int:
        before = self._database.now() - ANSWERS_KEPT
        async with self._database.transaction(club) as session:
            return await session.change(_DROP_ANSWERS, before=before, most=limit)

    async def drop_handled(self, limit: int) -> int:
        now = self._database.now()
        async with self._database.transaction(None) as session:
            since = min(now, await session.value(_RELAYING_SINCE) or now)
            return await session.change(_DROP_HANDLED, before=since - HANDLED_KEPT, most=limit)


def _lock_name(caller: Caller) -> str | None:
    once = caller.once
    return None if once is None else "\0".join((str(caller.club), caller.principal, once.operation, once.key))


def _named(caller: Caller, once: Once) -> dict[str, str]:
    return {"the_principal": caller.principal, "the_operation": once.operation, "the_key": once.key}
