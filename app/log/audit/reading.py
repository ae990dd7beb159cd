"""A stored record as every check reads it: what it says, which event it tells of, what the tree has at its place."""

from dataclasses import dataclass

from app.log.audit.scene import Parsed, Scene
from core.log.audit.recall import recall
from core.log.audit.records import Examined, examine
from core.log.audit.rows import Entry, RecordRow
from core.log.errors import MalformedRecord
from core.log.records import Record
from shared.events import Event

_KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`leaf` is the hash that the tree has at `index`. `record` is None where it cannot be read, `reason` says why.

    `event` is None as well for a type that no module here knows. `leading` is the origin that salts personal values.
    """

    entry: Entry
    row: RecordRow
    examined: Examined
    record: Record | None
    reason: str
    event: Event | None
    leading: str | None
    leaf: bytes | None = None
    index: int | None = None

    @property
    def event_id(self) -> str:
        return str(self.row.event_id)


def read(scene: Scene, entry: Entry, row: RecordRow, *, leaf: bytes | None = None, index: int | None = None) -> Reading:
    """Reads a record as far as it can be read."""
    told = scene.parsed.get(row) or _parsed(scene, row)
    event = told.event
    leading = event.parties[0] if event is not None else entry.event.leading_club if entry.event is not None else None
    return Reading(
        entry=entry,
        row=row,
        examined=told.examined,
        record=told.record,
        reason=told.reason,
        event=event,
        leading=scene.origins.get(str(leading)),
        leaf=leaf,
        index=index,
    )


def _parsed(scene: Scene, row: RecordRow) -> Parsed:
    """Kept for a while: the last record of an aggregate is needed again when its row is compared."""
    examined = examine(row)
    record, reason, event = examined.record, examined.reason, None
    kind = None if record is None else scene.events.get(record.type)
    if record is not None and kind is not None:
        try:
            event = recall(kind, record)
        except MalformedRecord as error:
            record, reason = None, error.reason
    if len(scene.parsed) >= _KEPT:
        scene.parsed.clear()
    scene.parsed[row] = Parsed(examined, record, reason, event)
    return scene.parsed[row]
