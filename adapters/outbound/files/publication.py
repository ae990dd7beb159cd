"""Published logs as files that a web server or a bucket mirror can serve as they are."""

import asyncio
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from adapters.outbound.files.durable import complete_copy, make_folder, sync_folder, try_writing
from core.log.checkpoints import parse_checkpoint
from core.log.errors import LogInvalid
from core.log.notes import parse_note
from core.log.origins import parse_origin
from core.log.tiles import TILE_WIDTH, EntryBundle, Tile, parse_path, width_in
from shared.errors import Conflict, Invalid, Unavailable

_CHECKPOINT = "checkpoint"
_REMEDY = "Make it a folder that the service's own user can write, on a disk with room: nothing is signed meanwhile."
_WORD = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


class NotPublishable(Invalid):
    """The origin or the path is none that a log publishes. Parameters: origin, path."""

    code = "publication/not-publishable"
    title = "A log has no such file."


class PublishedOtherwise(Conflict):
    """The checkpoint covers this part with other bytes: one of the two is a fork. Parameters: origin, path."""

    code = "publication/published-otherwise"
    title = "This part of the log is published with other content."


class PublicationUnavailable(Unavailable):
    """The folder cannot be read or written. Parameters: path, reason, remedy."""

    code = "publication/unavailable"
    title = "The published files cannot be read or written."


class FolderPublication:
    """Implements ports.log.Publication: `<folder>/<origin>/<path>`, laid out as C2SP tlog-tiles says.

    A tile or bundle that the checkpoint covers never changes at the same width, so that other bytes for it are refused;
    a wider one than that, a crash has left there, and nobody was promised it. Partial files go once the full one is
    durable, and readers take that one instead, as tlog-tiles asks of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, origin: str, path: str, data: bytes) -> None:
        """Raises NotPublishable, PublishedOtherwise, PublicationUnavailable."""
        target = self._locate(origin, path)
        try:
            await asyncio.to_thread(self._put, target, origin, path, data)
        except OSError as error:
            raise _unavailable(target, error) from error

    async def get(self, origin: str, path: str) -> bytes | None:
        """Raises NotPublishable, PublicationUnavailable."""
        target = self._locate(origin, path)
        try:
            return await asyncio.to_thread(_read, target)
        except OSError as error:
            raise _unavailable(target, error) from error

    async def origins(self) -> Sequence[str]:
        """Raises PublicationUnavailable."""
        try:
            return await asyncio.to_thread(self._origins)
        except OSError as error:
            raise _unavailable(self._folder, error) from error

    async def check(self) -> None:
        """Raises PublicationUnavailable."""
        try:
            await asyncio.to_thread(self._check)
        except OSError as error:
            raise _unavailable(self._folder, error) from error

    def _check(self) -> None:
        make_folder(self._folder, mode=0o755)
        try_writing(self._folder)

    def _origins(self) -> list[str]:
        """Whatever else lies in the folder is no log's."""
        found = []
        for checkpoint in self._folder.glob(f"*/*/*/{_CHECKPOINT}"):
            with suppress(LogInvalid):
                found.append(str(parse_origin(checkpoint.parent.relative_to(self._folder).as_posix())))
        return sorted(found)

    def _put(self, target: Path, origin: str, path: str, data: bytes) -> None:
        part = _part(path)
        make_folder(target.parent, mode=0o755)
        if part is not None and _read(target) not in {None, data} and self._promises(origin, part):
            raise PublishedOtherwise(origin=origin, path=path)
        with complete_copy(target, data, mode=0o644) as copy:
            copy.replace(target)
        sync_folder(target.parent)
        if part is not None and part.width == TILE_WIDTH:
            shutil.rmtree(target.with_name(f"{target.name}.p"), ignore_errors=True)

    def _promises(self, origin: str, part: Tile | EntryBundle) -> bool:
        """Does the checkpoint cover all of it? One that cannot be read may cover anything."""
        note = _read(self._locate(origin, _CHECKPOINT))
        try:
            size = 0 if note is None else parse_checkpoint(parse_note(note.decode(errors="replace")).text).size
        except LogInvalid:
            return True
        return width_in(size, part) >= part.width

    def _locate(self, origin: str, path: str) -> Path:
        """Only words of harmless letters, none of which starts with a dot, so that nothing leads out of the folder."""
        try:
            log = str(parse_origin(origin))
        except LogInvalid as error:
            raise NotPublishable(origin=origin, path=path) from error
        words = path.split("/")
        if not all(_WORD.fullmatch(word) for word in words):
            raise NotPublishable(origin=origin, path=path)
        return self._folder.joinpath(*log.split("/"), *words)


def _part(path: str) -> Tile | EntryBundle | None:
    """What part of the tree the file at `path` is; None for none."""
    try:
        return parse_path(path)
    except LogInvalid:
        return None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _unavailable(path: Path, error: OSError) -> PublicationUnavailable:
    return PublicationUnavailable(path=str(path), reason=error.strerror or type(error).__name__, remedy=_REMEDY)
