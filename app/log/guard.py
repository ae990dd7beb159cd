"""Which logs may be worked on: those that nothing contradicts, neither what the world has seen of them nor themselves.

A log that is contradicted is frozen: worked on any further, two histories would exist under one name.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from app.log.keys import ROTATION, KeysDisputed, LogKeys, Pair, behind, precede, ranges_of
from app.log.publisher import Publisher
from app.log.trees import root_at, wrong_tile
from app.workers import worker
from core.log.checkpoints import Checkpoint
from core.log.errors import LogInvalid, MalformedTile
from core.log.tiles import Tile
from core.log.trust import KeyRange
from ports.ledger import Ledger, LedgerBusy, LedgerHead, LedgerUnavailable
from ports.log import Log, LogHead, LogKey, LogTx
from ports.unit_of_work import Begin
from shared.errors import Conflict

T = TypeVar("T")

_REBUILD = "restore a newer backup, or stop the worker and run concordat log rebuild"
_AUDIT = "run concordat log audit, and restore a backup in which it finds nothing"
_KEY = "put the log's own key back among the secrets"
_CHECKPOINT = "put a copy of the published files back; if they are whole, run concordat log audit"

LEDGER, PUBLISHED = "the ledger", "what was published"
_SILENT = (LedgerBusy, LedgerUnavailable)
Seen = Mapping[str, LedgerHead | Checkpoint | None]
"""What the world has seen of a log, and where."""


class LogFrozen(Conflict):
    """The log contradicts what was published of it, or itself: going on would be a fork.

    Parameters: origin, reason, remedy; size and known_size where something else knows another size.
    """

    code = "log/frozen"
    title = "The log contradicts what was published of it, so nothing more is signed."


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Compares each log with ledger and publication before this process first works on it, and when it has shrunk.

    `look` opens reading transactions: files and the ledger are waited for in none at all.
    """

    look: Begin[LogTx]
    ledger: Ledger
    publisher: Publisher
    keys: LogKeys
    known: dict[UUID, int] = field(default_factory=dict)
    """The size up to which this process knows each log to contradict nothing."""
    frozen: dict[UUID, LogFrozen] = field(default_factory=dict)
    due: set[UUID] = field(default_factory=set)
    """Logs that are worked on without the ledger's word, since it did not answer when it was asked."""

    async def work(self, club: UUID, work: Callable[[UUID], Awaitable[T]], idle: T) -> T:
        """What the work on a log gives; `idle` for one that is frozen, also when the work itself found out why."""
        if club not in self.frozen:
            try:
                return await work(club)
            except LogFrozen as frozen:
                self.frozen[club] = frozen
            except MalformedTile as error:
                self.frozen[club] = LogFrozen(origin=await self._origin(club), reason=error.reason, remedy=_AUDIT)
            except LogInvalid as error:
                reason = f"a checkpoint of it cannot be read: {error.reason}"
                self.frozen[club] = LogFrozen(origin=await self._origin(club), reason=reason, remedy=_CHECKPOINT)
        self.due.discard(club)
        return idle

    def knows(self, club: UUID, size: int) -> bool:
        """Was the log compared, and has it not become shorter since?"""
        return self.known.get(club, size + 1) <= size

    async def admit(self, club: UUID) -> None:
        """Compare a log before work on it; raises LogFrozen. Without the ledger, where that does not answer.

        What was anchored was published before, so a publication that has every anchor which the database remembers
        knows all that the ledger could know; but for a key, of which there is a seed that the database has no key of.
        Once the ledger was silent, only `settle` asks it: nobody's turn waits.
        """
        published = await self.publisher.published(await self._origin(club))
        whole = await self._has_every_anchor(club, published) and await self._has_every_key(club)
        if not (whole and self.due):
            with suppress(*(_SILENT if whole else ())):
                await self.compare(club)
                return
        await self._refuse_contradicted(club, {PUBLISHED: published})
        self.due.add(club)

    async def settle(self, club: UUID) -> None:
        """Ask the ledger about a log that is worked on without its word; raises LogFrozen, or what the ledger does."""
        if club in self.due:
            await self.compare(club)
            self.due.discard(club)

    async def compare(self, club: UUID, *, rotating: bool = False) -> None:
        """Raises LogFrozen for a log that a restore has put behind what the world has seen, or that was rewritten.

        `rotating` for whoever is about to exchange its key: the ledger may know the next one already then.
        """
        while True:
            before = await self._keys(club)
            # What the world has seen was in the database before it: a log that grows meanwhile is never behind it.
            origin = await self._origin(club)
            seen, told = await self.seen(origin), await self.ledger.keys(origin)
            # Keys come to the ledger first: they can be compared if the database had the same before and after.
            if await self._keys(club) == before:
                await self._refuse_other_keys(club, told, rotating=rotating)
                break
        await self._refuse_contradicted(club, seen)

    async def _refuse_other_keys(self, club: UUID, told: Sequence[KeyRange], *, rotating: bool) -> None:
        """Raises LogFrozen for a log whose keys are not the ledger's.

        The ledger may know the next key already while a wish to rotate waits, and not know the last ones: it is
        another one, was set back, or a peer has not heard of them yet. The anchorer tells it. A database that forgot
        a log's only key finds it again; of several, the first would sign what is not its own.
        """
        async with self.look(worker("guard", club)) as tx:
            wished, keys, head = await tx.log.take(ROTATION, 1), await tx.log.keys(), await tx.log.head()
        try:
            ours = ranges_of(keys)
        except LogInvalid as error:
            reason = f"a key of the log is none: {error.reason}"
            raise LogFrozen(origin=head.origin, reason=reason, remedy=_AUDIT) from error
        forgotten = len(told) - len(ours) if precede(ours, told) else 0
        allowed = 1 if wished or rotating or not ours else 0
        if ours != tuple(told) and not 0 < forgotten <= allowed and not behind(told, ours):
            remedy = _REBUILD if forgotten else _AUDIT
            raise LogFrozen(
                origin=head.origin, reason="the log's keys are not those that the ledger has", remedy=remedy
            )

    async def _refuse_contradicted(self, club: UUID, seen: Seen) -> None:
        async with self.look(worker("guard", club)) as tx:
            # For the same reason the head is read last; each statement sees what was committed before it.
            newest, head = await tx.log.checkpoint(), await tx.log.head()
            for where, known in seen.items():
                if known is None:
                    continue
                refuse_behind(head, where, known.size)
                if await root_at(tx.log, known.size) != known.root:
                    raise other_root(head, where, known.size)
            if newest is not None:
                refuse_behind(head, "its own checkpoint", newest.size)
        self.known[club] = head.size

    async def _has_every_anchor(self, club: UUID, published: Checkpoint | None) -> bool:
        """Does the publication reach as far as the log was anchored, as far as the database knows?"""
        async with self.look(worker("guard", club)) as tx:
            anchor = await tx.log.anchor()
        return anchor is None or (published is not None and anchor.size <= published.size)

    async def _has_every_key(self, club: UUID) -> bool:
        """Do the secrets have no key of the log beyond those that sign it, and a first one that it may forget?"""
        async with self.look(worker("guard", club)) as tx:
            signing = len(await tx.log.keys()) + len(await tx.log.take(ROTATION, 1))
            origin = (await tx.log.head()).origin
        return await self.keys.held(origin, max(signing, 1) + 1) is None

    async def seen(self, origin: str) -> Seen:
        """Raises what ledger and publication raise when they do not answer."""
        return {LEDGER: await self.ledger.head(origin), PUBLISHED: await self.publisher.published(origin)}

    async def key(self, log: Log, origin: str) -> Pair | None:
        """The log's key, with which it signs; None before it has one. Raises LogFrozen where it was lost or exchanged.

        A key that was lost is not replaced behind the back of verifiers.
        """
        keys = await log.keys()
        if not keys:
            return None
        try:
            pair = await self.keys.held(origin, len(keys))
        except KeysDisputed as error:
            raise LogFrozen(origin=origin, reason=error.parameters["reason"], remedy=_KEY) from error
        if pair is None and len(keys) > 1:
            # Whoever rotates makes the seed first, so that somebody may have written to the database.
            reason = f"key {len(keys)} of the log is not among the secrets"
            raise LogFrozen(origin=origin, reason=reason, remedy=f"{_KEY}; if it never was there, {_AUDIT}")
        if pair is None:
            raise LogFrozen(origin=origin, reason="the log's signing key is not among the secrets", remedy=_KEY)
        if keys[-1].verifier_key != str(pair[0]):
            raise LogFrozen(origin=origin, reason="the signing key among the secrets is not the log's", remedy=_KEY)
        return pair

    async def require_key(self, club: UUID) -> None:
        """Raises LogFrozen where the log's key was lost or exchanged."""
        async with self.look(worker("guard", club)) as tx:
            await self.key(tx.log, (await tx.log.head()).origin)

    async def examine(self, club: UUID) -> LogFrozen | None:
        """Why the log would be frozen before it is signed next."""

        async def look_at(club: UUID) -> None:
            await self.compare(club)
            await self.require_key(club)

        await self.work(club, look_at, None)
        return self.frozen.get(club)

    async def _keys(self, club: UUID) -> Sequence[LogKey]:
        async with self.look(worker("guard", club)) as tx:
            return await tx.log.keys()

    async def _origin(self, club: UUID) -> str:
        async with self.look(worker("guard", club)) as tx:
            return (await tx.log.head()).origin


def other_root(head: LogHead, where: str, known_size: int) -> LogFrozen:
    """For a log that leads elsewhere than it does there."""
    reason = f"the log has another root than {where}"
    return LogFrozen(origin=head.origin, reason=reason, size=head.size, known_size=known_size, remedy=_AUDIT)


def refuse_behind(head: LogHead, where: str, known_size: int) -> None:
    """Raises LogFrozen for a head of fewer leaves than are known elsewhere."""
    if known_size > head.size:
        reason = f"the log is behind {where}"
        raise LogFrozen(origin=head.origin, reason=reason, size=head.size, known_size=known_size, remedy=_REBUILD)


async def refuse_tiles(log: Log, head: LogHead, tiles: Iterable[Tile]) -> None:
    """Raises LogFrozen that names which of these tiles, or else the head, makes the stored tree contradict itself."""
    wrong = await wrong_tile(log, tiles)
    what = "the head's root is not that of its tiles" if wrong is None else f"tile {wrong.at} is not that of its leaves"
    raise LogFrozen(origin=head.origin, reason=what, size=head.size, remedy=_AUDIT)
