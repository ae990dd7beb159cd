"""Work over a journal: one piece at a time and in a thread, after what others appended was taken in."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TypeVar

from adapters.outbound.local.journal import Journal, LedgerDamaged
from ports.ledger import LedgerUnavailable

T = TypeVar("T")


class Held:
    """Whoever first writes holds the file until `close`; `hold` does so at once. Reading may be done beside that."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._alone = Lock()
        self._damage: LedgerDamaged | None = None

    async def hold(self) -> None:
        """Be the one worker; raises LedgerUnavailable when there is another, and says what to do."""
        await self._writing(lambda: None)

    def close(self) -> None:
        """Let another worker have it."""
        with self._alone:
            self._journal.close()

    @abstractmethod
    def _refresh(self) -> None:
        """Take in what was appended since, by this process or the one that holds the ledger."""

    async def _reading(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(self._locked, work)

    async def _writing(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(self._locked, work, writing=True)

    def _locked(self, work: Callable[[], T], *, writing: bool = False) -> T:
        with self._alone, _answering(self._journal.path):
            if self._damage is not None:
                raise self._damage
            try:
                if writing:
                    self._journal.hold()
                if self._journal.shrunk():
                    raise self._damaged("", "the file has become shorter")
                self._refresh()
                if writing:
                    self._journal.open()
                return work()
            except LedgerDamaged as damage:
                # What was read before the damage is no state to go on from.
                self._damage = damage
                raise

    def _damaged(self, origin: str, reason: str) -> LedgerDamaged:
        remedy = "restore the file from a copy, and the witness's seed that it was written with; nothing was changed"
        return LedgerDamaged(path=str(self._journal.path), origin=origin, reason=reason, remedy=remedy)


@contextmanager
def _answering(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LedgerUnavailable(path=str(path), reason=reason, remedy="mend the folder; a retry is safe") from error
