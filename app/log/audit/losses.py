"""Leaves that a rebuild declared lost: each needs the word of the log's own key, or somebody deleted its record."""

from app.log.audit.reading import read
from app.log.audit.scene import Scene
from core.log.audit.findings import Code
from core.log.audit.rows import Entry, LostRow, Raw
from core.log.errors import LogInvalid, MalformedRecord, SignatureInvalid
from core.log.rebuilding import LogRebuilt, Stretch, declared_lost, extend, merged, within
from core.log.records import leaf_of


class Losses:
    """The check of one club's lost leaves, along with its records."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._declared: list[Stretch] = []
        self._rows: dict[Raw, LostRow] = {}

    async def begin(self) -> None:
        """What the records of rebuilds declare; whoever can only write to the database cannot sign that."""
        async for window in self._scene.look.of_types({LogRebuilt.type}):
            for entry in window:
                self._hear(entry)
        self._declared = merged(self._declared)

    async def window(self, start: int, end: int) -> None:
        """Looks at the lost leaves of a window of leaves."""
        self._rows = {row.place: row for row in await self._scene.look.lost(start, end)}

    def explains(self, index: int, leaf: bytes | None) -> bool:
        """Whether a leaf without a record is said to be lost; reports it unless that was declared."""
        row = self._rows.pop(index, None)
        if row is None:
            return False
        if leaf is not None and hash_of(row) != leaf:
            self._report(Code.LEAF_MISMATCH, "not the commitment that was hashed at this leaf", index)
        elif not within(index, self._declared):
            detail = "said to be lost, and no declaration of the log's own key says so: its record was deleted"
            self._report(Code.LEAF_LOST, detail, index)
        else:
            extend(self._scene.lost, index)
        return True

    def contradicted(self) -> None:
        """What is left of the window: leaves that have a record and are said to be lost."""
        for row in self._rows.values():
            self._report(Code.LEAF_STRAY, "said to be lost, and there is a row of this leaf", row.place)

    async def finish(self) -> None:
        async for window in self._scene.look.lost_beyond(self._scene.size):
            for row in window:
                self._report(Code.LEAF_STRAY, f"a lost leaf beyond the log's {self._scene.size}", row.place)

    def _hear(self, entry: Entry) -> None:
        reading = None if entry.record is None else read(self._scene, entry, entry.record)
        if reading is None or reading.record is None or reading.record.type != LogRebuilt.type:
            return
        try:
            if self._scene.anchored is None:
                raise SignatureInvalid("the ledger has not verified the log yet, so that nobody knows its key")
            # Not the keys in the database: whoever can delete a record there can write a key there.
            lost = declared_lost(reading.record, self._scene.keys, self._scene.signatures.ed25519)
            if isinstance(entry.place, int) and any(entry.place <= each.last for each in lost):
                raise MalformedRecord("it stands before leaves that it declares lost")
            self._declared += lost
        except LogInvalid as error:
            detail = f"a rebuild that the log's key does not vouch for: {error.reason}"
            index = entry.place if isinstance(entry.place, int) else None
            self._scene.report(Code.REBUILD_UNSOUND, "record", detail, record=reading.event_id, index=index)

    def _report(self, code: Code, detail: str, place: Raw) -> None:
        index = place if isinstance(place, int) else None
        self._scene.report(code, "lost_leaf", detail, index=index, key=str(place))


def hash_of(row: LostRow) -> bytes | None:
    """The leaf hash of a lost leaf; None for a commitment that is none."""
    try:
        return leaf_of(row.commitment if isinstance(row.commitment, bytes) else b"")
    except MalformedRecord:
        return None
