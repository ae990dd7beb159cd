"""Keys of subjects, what they disclose, and their erasure, in SQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, bindparam, delete, select

from adapters.outbound.sql import schema
from adapters.outbound.sql.database import TENANT, Session, mine
from ports.clubs import ErasedSubject, StoredVerdict
from ports.unit_of_work import Missing
from shared.canonical import loads

_SUBJECTS: BindParameter[Any] = bindparam("subjects", expanding=True)


class SqlSubjects:
    """Implements ports.clubs.Subjects."""

    _table = schema.subject
    _ROW = select(_table).where(_table.c.id == bindparam("the_id"), mine(_table))
    _OF = select(_table.c.id, _table.c.shared_with).where(
        _table.c.person == bindparam("the_person"), _table.c.club_id == TENANT
    )
    _ERASE = tuple(
        delete(held).where(column.in_(_SUBJECTS), owner == TENANT)
        for held, column, owner in (
            (schema.disclosure, schema.disclosure.c.subject, schema.disclosure.c.subject_club),
            (schema.answer, schema.answer.c.subject, schema.answer.c.subject_club),
            (_table, _table.c.id, _table.c.club_id),
        )
    )

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(
        self, subject: UUID, key: bytes, *, person: UUID | None = None, shared_with: UUID | None = None
    ) -> None:
        row = {"id": subject, "club_id": self._session.club, "person": person, "shared_with": shared_with, "key": key}
        await self._session.insert(schema.subject, [row])
        self._session.subjects[subject] = row

    async def key(self, subject: UUID) -> bytes:
        row = await self._session.first(self._ROW, the_id=subject)
        if row is None:
            raise Missing(kind="subject")
        self._session.subjects[subject] = dict(row)
        return bytes(row["key"])

    async def erase(self, person: UUID) -> Sequence[ErasedSubject]:
        erased = [ErasedSubject(**row) for row in await self._session.all(self._OF, the_person=person)]
        for statement in self._ERASE:
            await self._session.change(statement, subjects=[subject.id for subject in erased])
        for subject in erased:
            self._session.subjects.pop(subject.id, None)
        return erased


class SqlVerdicts:
    """Implements ports.clubs.Verdicts."""

    _VALUES = select(schema.disclosure.c.name, schema.disclosure.c.value).where(
        schema.disclosure.c.event_id == bindparam("key"),
        schema.disclosure.c.pointer.in_(["/object/verdict/inputs", "/object/verdict/failed"]),
        mine(schema.disclosure),
    )

    _RECORD = select(schema.record.c.data).where(schema.record.c.event_id == bindparam("key"), mine(schema.record))

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, verdict_id: UUID) -> StoredVerdict:
        record = await self._session.value(self._RECORD, key=verdict_id)
        if record is None:
            raise Missing(kind="verdict")
        rows = await self._session.all(self._VALUES, key=verdict_id)
        disclosed = {row["name"]: loads(row["value"].encode()) for row in rows}
        return StoredVerdict(record=bytes(record), disclosed=disclosed)
