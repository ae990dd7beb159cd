"""A log's keys: are they those that the ledger knows, and are they to blame where checkpoints do not verify?"""

from collections.abc import Sequence
from dataclasses import replace

from app.log.audit.scene import Scene
from core.log.audit.findings import Code
from core.log.audit.rows import CheckpointRow, KeyRow, Raw
from core.log.checkpoints import Checkpoint, open_checkpoint
from core.log.errors import LogInvalid, SignatureInvalid
from core.log.notes import VerifierKey, Verify, parse_key


class Keys:
    """Opens checkpoints; what does not verify is held back until it is clear how many of a key's checkpoints do.

    Whoever can write to the database can write key rows as well: only the ledger knows which key is the log's.
    """

    def __init__(self, rows: Sequence[KeyRow]) -> None:
        self._rows = rows
        self._keys = {row: key for row in rows if (key := _parsed(row)) is not None}
        self._whole = len(self._keys) == len(rows) and not _gaps(rows)
        self._good: dict[KeyRow, int] = {}
        self._largest = 0
        self._bad: dict[KeyRow | None, list[tuple[Raw, str]]] = {}

    def open(self, note: str, verify: Verify) -> Checkpoint:
        """The checkpoint of a note; raises LogInvalid."""
        opened = open_checkpoint(note, self._keys.values(), verify)
        signers = [row for row, key in self._keys.items() if key in opened.keys]
        covering = [row for row in signers if _covers(row, opened.checkpoint.size)]
        if not covering and self._whole:
            raise SignatureInvalid("the key that signed is not good for this tree size")
        for row in covering:
            self._good[row] = self._good.get(row, 0) + 1
            self._largest = max(self._largest, opened.checkpoint.size)
        return opened.checkpoint

    def refused(self, row: CheckpointRow, reason: str) -> None:
        """Note a checkpoint whose signature does not verify."""
        self._largest = max(self._largest, row.size if isinstance(row.size, int) else 0)
        keys = [key for key in self._rows if isinstance(row.size, int) and _covers(key, row.size)]
        self._bad.setdefault(keys[0] if keys else None, []).append((row.size, reason))

    def report(self, scene: Scene) -> None:
        """Ranges, foreign keys, keys under which nothing verifies, and single checkpoints that do not."""
        if not self._rows and (self._bad or scene.anchored is not None):
            scene.report(Code.KEY_UNSOUND, "log_key", "the log was signed, and its key is not here")
            return
        gaps = _gaps(self._rows)
        for row, field in gaps:
            _report(scene, row, field, "the ranges of the log's keys leave a gap or overlap")
        for row in self._rows:
            if row not in self._keys:
                _report(scene, row, "verifier_key", "not a verifier key")
        self._compare(scene, gaps)
        for key, refused in self._bad.items():
            self._report_refused(scene, key, refused)

    def _compare(self, scene: Scene, gaps: Sequence[tuple[KeyRow, str]]) -> None:
        """With the ledger's keys; the last of those may have begun too late for this snapshot of the database."""
        told = scene.keys
        if scene.rotating and self._rows and len(told) == len(self._rows) + 1:
            told = [*told[:-2], replace(told[-2], until_size=None)]
        signed = max(self._largest, 0 if scene.anchored is None else scene.anchored.size)
        for row in self._rows[max(len(told), 1) :]:
            _report(scene, row, "from_size", "a further key, which the ledger does not know")
        for row, key in zip(self._rows, told, strict=False):
            if row in self._keys and row.verifier_key != str(key.key):
                _report(scene, row, "verifier_key", "not the key with which the ledger verifies the log")
            for field, value, known in (
                ("from_size", row.from_size, key.from_size),
                ("until_size", row.until_size, key.until_size),
            ):
                pending = field == "until_size" and value is None and known is not None and known > signed
                if value != known and not pending and (row, field) not in gaps:
                    _report(scene, row, field, f"{value!r} where the ledger has {known!r}")
        for key in told[len(self._rows) :] if self._rows else ():
            if key.from_size <= signed:
                detail = "a key with which the ledger verifies the log is not here"
                scene.report(Code.KEY_UNSOUND, "log_key", detail, key=str(key.from_size))

    def _report_refused(self, scene: Scene, key: KeyRow | None, refused: Sequence[tuple[Raw, str]]) -> None:
        nothing_verifies = key is not None and not self._good.get(key)
        if key is not None and nothing_verifies and key in self._keys:
            _report(scene, key, "verifier_key", f"none of {len(refused)} checkpoints verifies under this key")
        if len(refused) == 1 or not nothing_verifies:
            for size, reason in refused:
                scene.report(Code.CHECKPOINT_UNSOUND, "checkpoint", reason, key=str(size))


def _report(scene: Scene, row: KeyRow, field: str, detail: str) -> None:
    scene.report(Code.KEY_UNSOUND, "log_key", detail, field=field, key=str(row.from_size))


def _parsed(row: KeyRow) -> VerifierKey | None:
    try:
        return parse_key(row.verifier_key) if isinstance(row.verifier_key, str) else None
    except LogInvalid:
        return None


def _gaps(rows: Sequence[KeyRow]) -> list[tuple[KeyRow, str]]:
    """Where the ranges break: from size 0 on there is one key for every size, and the last one has no end."""
    found: list[tuple[KeyRow, str]] = []
    start: Raw = 0
    for row in rows:
        if row.from_size != start:
            found.append((row, "from_size"))
        start = row.until_size
    if rows and start is not None:
        found.append((rows[-1], "until_size"))
    return found


def _covers(row: KeyRow, size: int) -> bool:
    start, until = row.from_size, row.until_size
    return isinstance(start, int) and start <= size and (not isinstance(until, int) or size < until)
