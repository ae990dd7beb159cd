"""Personal values: each opens the digest of its record, and one that is gone belongs to somebody who was erased."""

from collections.abc import Sequence

from app.log.audit.reading import Reading, read
from app.log.audit.scene import Scene
from core.log.audit.findings import Code
from core.log.audit.openings import Flaw, Sealing, opening_flaws, opens
from core.log.audit.recall import owner_of
from core.log.audit.rows import DisclosureRow, Entry, SubjectRow

SUBJECT = "subject"
_SAMPLE = 50
"""So many values of a subject are tried before its key is held to be the one that was changed."""


class Openings:
    """The check of one club's disclosures, along with its records."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._said_erased: set[str] = set()
        self._unexplained: list[tuple[Reading, Flaw]] = []
        self._unopened: set[str] = set()

    async def begin(self) -> None:
        """Who was erased, by the event rows; a row that is missing there shows when its record is read."""
        async for window in self._scene.look.of_types(self._scene.erasures):
            for entry in window:
                subject = self._erased_by(entry)
                if subject is not None:
                    self._said_erased.add(subject)

    async def check(self, readings: Sequence[Reading]) -> None:
        """The personal values of some records."""
        rows: dict[str, list[DisclosureRow]] = {}
        for row in await self._scene.look.disclosures([reading.event_id for reading in readings]):
            rows.setdefault(str(row.event_id), []).append(row)
        sealings = {reading.event_id: _sealing(reading) for reading in readings}
        wanted = {str(row.subject) for found in rows.values() for row in found}
        wanted |= {owner for sealing in sealings.values() for owner in sealing.owners.values() if owner is not None}
        subjects = await self._subjects(wanted)
        for reading in readings:
            sealing = sealings[reading.event_id]
            for flaw in opening_flaws(sealing, rows.get(reading.event_id, []), subjects):
                self._report(flaw, reading)

    async def finish(self) -> None:
        """What could not be judged before all records were read."""
        scene = self._scene
        for reading, flaw in self._unexplained:
            if flaw.subject not in scene.erased:
                self._say(flaw, reading, "the value was destroyed, and no erasure of its subject is in the log")
        async for window in scene.look.disclosures_without_record():
            for row in window:
                event_id, pointer = str(row.event_id), str(row.pointer)
                detail = "a personal value without a record"
                scene.report(Code.DISCLOSURE_STRAY, "disclosure", detail, record=event_id, field=pointer)
        for subject in sorted(self._unopened):
            await self._judge_key(subject)

    def _report(self, flaw: Flaw, reading: Reading) -> None:
        subject = flaw.subject
        if flaw.code is Code.DISCLOSURE_MISSING:
            if subject not in self._said_erased:
                self._unexplained.append((reading, flaw))
        elif flaw.code is Code.SUBJECT_MISSING and subject is not None:
            self._report_keyless(flaw, reading, subject)
        else:
            if flaw.field == "value" and subject is not None:
                self._unopened.add(subject)
            self._say(flaw, reading, f"{flaw.field}: {flaw.detail}")

    def _say(self, flaw: Flaw, reading: Reading, detail: str, code: Code | None = None) -> None:
        self._scene.report(
            code or flaw.code,
            "disclosure",
            detail,
            record=reading.event_id,
            kind=SUBJECT,
            id=flaw.subject,
            field=flaw.pointer,
            index=reading.index,
        )

    def _report_keyless(self, flaw: Flaw, reading: Reading, subject: str) -> None:
        """A value whose key is gone: an erasure that was not finished, or a key that was destroyed without one."""
        if subject in self._said_erased or subject in self._scene.erased:
            self._say(flaw, reading, "its subject was erased, and the value is still here", Code.ERASURE_INCOMPLETE)
        elif subject not in self._scene.bad_keys:
            self._scene.bad_keys.add(subject)
            detail = "the key was destroyed, and no erasure of its subject is in the log"
            self._scene.report(Code.SUBJECT_MISSING, SUBJECT, detail, kind=SUBJECT, id=subject)

    async def _judge_key(self, subject: str) -> None:
        """A value that does not open was changed, or its subject's key was: then none of the subject's opens."""
        scene, tried = self._scene, 0
        rows = await scene.look.disclosures_of(subject, _SAMPLE)
        entries = await scene.look.by_event({str(row.event_id) for row in rows})
        sealings = {entry.event_id: _sealing(read(scene, entry, entry.record)) for entry in entries if entry.record}
        key = (await self._subjects({subject})).get(subject)
        for row in rows:
            sealing = sealings.get(row.event_id)
            digest = sealing.digests.get(str(row.pointer)) if sealing else None
            if sealing is None or digest is None:
                continue
            if key is not None and opens(key.key, sealing.origin, row, digest):
                return
            tried += 1
        if tried > 1:
            scene.bad_keys.add(subject)
            detail = f"none of {tried} values opens under this key: the key is another than it was"
            scene.report(Code.SUBJECT_KEY, SUBJECT, detail, kind=SUBJECT, id=subject, field="key")

    def _erased_by(self, entry: Entry) -> str | None:
        reading = None if entry.record is None else read(self._scene, entry, entry.record)
        if reading is None or reading.record is None or reading.event is None:
            return None
        return str(reading.event.about[1]) if reading.record.type in self._scene.erasures else None

    async def _subjects(self, wanted: set[str]) -> dict[str, SubjectRow]:
        return {str(row.id): row for row in await self._scene.look.subjects(wanted)} if wanted else {}


def _sealing(reading: Reading) -> Sealing:
    record, event = reading.record, reading.event
    if record is None:
        return Sealing(origin=None, digests={}, owners={})
    owners = {} if event is None else {pointer: owner_of(type(event), record, pointer) for pointer in record.sealed}
    return Sealing(origin=reading.leading, digests=record.sealed, owners=owners)
