"""An append-only file of JSON lines, each of which names the hash of the one before; one process at a time appends.

Knows nothing of what the lines mean.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.outbound.files.durable import make_folder, sync_folder
from ports.ledger import LedgerUnavailable
from shared.canonical import Json, dumps

NAME = "ledger"
FILE = f"{NAME}.jsonl"
_START = sha256(b"concordat/local-ledger/v1").digest()


class LedgerDamaged(LedgerUnavailable):
    """The file is not what was appended to it. Parameters: path, line (from 1), reason, remedy."""

    code = "ledger/damaged"
    title = "The ledger's file is damaged."


class Journal:
    """Reading needs no lock and sees whole lines only; appending takes the lock and keeps it until `close`."""

    def __init__(self, folder: Path, name: str = NAME) -> None:
        self.path = folder / f"{name}.jsonl"
        self._lock_path = folder / f"{name}.lock"
        self._lock: int | None = None
        self._file: int | None = None
        self._end, self._line, self._hash = 0, 0, _START

    def new_entries(self) -> Iterator[tuple[int, Any]]:
        """What other processes appended since the last call, with the place to read it at; raises LedgerDamaged."""
        if self._file is not None:
            # Nobody else appends now, and what an append of our own left behind when it failed does not count.
            return
        try:
            with self.path.open("rb") as file:
                file.seek(self._end)
                while (line := file.readline()).endswith(b"\n"):
                    place, entry = self._end, self._parse(line)
                    self._end, self._line, self._hash = place + len(line), self._line + 1, sha256(line).digest()
                    yield place, entry
        except FileNotFoundError:
            return

    def shrunk(self) -> bool:
        """Is the file shorter than what was read of it?"""
        return self._end > (self.path.stat().st_size if self.path.exists() else 0)

    def entry_at(self, place: int) -> Any:
        with self.path.open("rb") as file:
            file.seek(place)
            return json.loads(file.readline())["entry"]

    def hold(self) -> None:
        """Take the lock, unless it is held already; raises LedgerUnavailable when another process has it."""
        if self._lock is not None:
            return
        make_folder(self._lock_path.parent, mode=0o700)
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise LedgerUnavailable(
                path=str(self._lock_path),
                reason="another worker holds the embedded ledger",
                remedy="run one worker, or choose a distributed ledger by its URL",
            ) from error
        self._lock = lock

    def open(self) -> None:
        """Make the file ready for `append`; everything before its end must have been read. Needs the lock.

        An incomplete last line was never answered for, so it goes; anything else after the end raises LedgerDamaged.
        """
        if self._file is not None:
            return
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            rest = os.pread(file, max(os.fstat(file).st_size - self._end, 0), self._end)
            if not _is_torn(rest):
                raise self._damaged("something else than a newline after the line")
            os.ftruncate(file, self._end)
            os.fsync(file)
            sync_folder(self.path.parent)
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def append(self, entries: Sequence[dict[str, Json]]) -> list[int]:
        """Append durably; returns each entry's place. On an error nothing of it was answered for: try again.

        Raises OSError.
        """
        if self._file is None:
            raise LookupError("append needs the lock and an open file")
        places, lines, end, tip = [], [], self._end, self._hash
        for entry in entries:
            line = dumps({"prev": tip.hex(), "entry": entry}) + b"\n"
            places.append(end)
            lines.append(line)
            end, tip = end + len(line), sha256(line).digest()
        # An append that failed may have left a part behind.
        os.ftruncate(self._file, self._end)
        _write(self._file, b"".join(lines))
        os.fsync(self._file)
        self._end, self._line, self._hash = end, self._line + len(lines), tip
        return places

    def close(self) -> None:
        """Give up the lock."""
        for descriptor in (self._file, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._lock = None

    def _parse(self, line: bytes) -> Any:
        try:
            parsed = json.loads(line)
            previous, entry = parsed["prev"], parsed["entry"]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise self._damaged("not a line of this file") from error
        if previous != self._hash.hex():
            raise self._damaged("does not follow the line before it")
        return entry

    def _damaged(self, reason: str) -> LedgerDamaged:
        remedy = "restore the file from a copy; nothing was changed"
        return LedgerDamaged(path=str(self.path), line=self._line + 1, reason=reason, remedy=remedy)


def _is_torn(rest: bytes) -> bool:
    """Could a crash have left this? A line that is whole but for its end may have lost no more than its newline."""
    try:
        _value, end = json.JSONDecoder().raw_decode(rest.decode("latin-1"))
    except ValueError:
        return True
    return end == len(rest)


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
