"""Live aggregates: each row, field by field, against the state that its last record says it was left in."""

from collections.abc import Collection, Mapping, Sequence

from app.log.audit.catalogue import Beside
from app.log.audit.reading import Reading, read
from app.log.audit.scene import Known, Scene
from core.log.audit.findings import Check, Code
from core.log.audit.rows import Entry, LiveRow
from core.log.audit.states import KeyOf, LastWord, differing_fields
from core.log.sealing import personal_fields
from shared.events import Aggregate


class Aggregates:
    """The checks of one kind of aggregate after the other."""

    def __init__(self, scene: Scene, kinds: Mapping[str, type[Aggregate]], beside: Sequence[Beside]) -> None:
        self._scene = scene
        self._kinds = kinds
        self._beside = beside if scene.does(Check.BESIDE) else ()

    async def check(self) -> None:
        scene = self._scene
        done = 0
        for kind, form in self._kinds.items():
            async for window in scene.look.live(kind):
                await self._window(form, window)
                done += len(window)
                scene.tell(Check.AGGREGATES, done, 0)
            async for gone in scene.look.gone(kind):
                await self._gone(kind, gone)
        for each in self._beside:
            await each.finish(scene)

    async def _window(self, form: type[Aggregate], window: Sequence[LiveRow]) -> None:
        rows = {str(row.key): row for row in window}
        known = await known_of(self._scene, form.kind, rows)
        if self._scene.does(Check.AGGREGATES):
            key_of = await keys_of(self._scene, _subjects(form, window))
            for key, row in rows.items():
                self._judge(form, key, row, known.get(key), key_of)
        await self._tell_beside(form.kind, known)

    async def _gone(self, kind: str, gone: Sequence[str]) -> None:
        known = await known_of(self._scene, kind, dict.fromkeys(gone))
        for key, each in known.items() if self._scene.does(Check.AGGREGATES) else ():
            if each.last is not None:
                detail = f"the log left it at version {each.last.state.version}, and there is no such row"
                self._scene.report(Code.ROW_MISSING, kind, detail, kind=kind, id=key, record=each.record.id)
        await self._tell_beside(kind, known)

    def _judge(self, form: type[Aggregate], key: str, row: LiveRow, known: Known | None, key_of: KeyOf) -> None:
        scene, kind = self._scene, form.kind
        if (kind, key) in scene.doubtful:
            return
        if known is None or known.last is None:
            scene.report(Code.ROW_STRAY, kind, "no record in this log left such an aggregate", kind=kind, id=key)
            return
        for differs in differing_fields(form, known.last, row, key_of):
            code = Code.FIELD_UNREADABLE if differs.unreadable else Code.FIELD_MISMATCH
            scene.report(code, kind, differs.detail, kind=kind, id=key, field=differs.field, record=known.record.id)

    async def _tell_beside(self, kind: str, known: Mapping[str, Known]) -> None:
        for each in self._beside:
            await each.window(self._scene, kind, list(known.values()))


async def known_of(scene: Scene, kind: str, rows: Mapping[str, LiveRow | None]) -> dict[str, Known]:
    """What the log said of these aggregates last; without those of which a record or an event is bad."""
    entries = {str(entry.event.aggregate_id): entry for entry in await scene.look.newest(kind, rows) if entry.event}
    later = {key: scene.secondary[kind, key] for key in rows if (kind, key) in scene.secondary}
    for entry in await scene.look.by_event({event for _version, event in later.values()}) if later else ():
        for key, (version, event_id) in later.items():
            if event_id == entry.event_id and not _as_new(entries.get(key), version):
                entries[key] = entry
    found: dict[str, Known] = {}
    for key, entry in entries.items():
        if entry.record is not None and (kind, key) not in scene.doubtful:
            one = _known(kind, key, read(scene, entry, entry.record), rows.get(key))
            found |= {} if one is None else {key: one}
    return found


async def keys_of(scene: Scene, subjects: Collection[str]) -> KeyOf:
    """The keys of these subjects, but for those that were changed."""
    rows = await scene.look.subjects(subjects) if subjects else ()
    keys = {str(row.id): row.key for row in rows if isinstance(row.key, bytes) and row.id not in scene.bad_keys}
    return keys.get


def _known(kind: str, key: str, reading: Reading, row: LiveRow | None) -> Known | None:
    record, event = reading.record, reading.event
    if record is None or event is None:
        return None
    last = None
    for place, state in enumerate(record.after):
        if (state.kind, state.id) == (kind, key):
            last = LastWord(record=record, state=state, place=place, origin=reading.leading)
    return Known(id=key, row=row, record=record, event=event, last=last)


def _as_new(entry: Entry | None, version: int) -> bool:
    found = None if entry is None or entry.event is None else entry.event.version
    return isinstance(found, int) and found >= version


def _subjects(form: type[Aggregate], window: Sequence[LiveRow]) -> set[str]:
    """Whose values stand in these rows."""
    names = set(personal_fields(form).values())
    return {str(row.key if name == "id" else row.values.get(name)) for row in window for name in names}
