"""Writing files so that they are whole and survive a crash: everything in this folder goes to disk through here."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex


@contextmanager
def complete_copy(target: Path, data: bytes, *, mode: int) -> Iterator[Path]:
    """A new file beside `target` that holds `data` on disk, for the caller to put in place; what is left is removed."""
    # The tilde is no letter of any name that is stored here, so that a copy can never pass for the thing itself.
    copy = target.with_name(f"{target.name[:200]}~{token_hex(8)}")
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def try_writing(folder: Path) -> None:
    """Raises OSError where no file can be written; a whole block, since a full disk still has room for a name."""
    with complete_copy(folder / "tried", bytes(4096), mode=0o600):
        pass


def sync_folder(folder: Path) -> None:
    """Makes names in `folder` durable; a file's own fsync does not."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, *, mode: int) -> None:
    """Makes `folder` and what is missing above it, durably."""
    if not folder.is_dir():
        make_folder(folder.parent, mode=mode)
        folder.mkdir(mode=mode, exist_ok=True)
        sync_folder(folder.parent)
