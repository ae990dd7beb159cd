"""Which logs may be worked on: those that nothing contradicts, neither what the world has seen of them nor themselves.

A log that is contradicted is frozen: worked on any further, two histories would exist under one name.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from app.log.publisher import Publisher
from app.log.trees import root_at, wrong_tile
from app.workers import worker
from core.log.checkpoints import Checkpoint
from core.log.errors import LogInvalid, MalformedTile
from core.log.notes import Sign, VerifierKey
from core.log.tiles import Tile
from ports.ledger import Ledger, LedgerBusy, LedgerHead, LedgerUnavailable
from ports.log import Log, LogHead, LogKey, LogTx
from ports.secrets import Secrets
from ports.unit_of_work import Begin
from shared.errors import Conflict

T = TypeVar("T")

KeyPair = Callable[[bytes], tuple[bytes, Sign]]
"""The public key of an Ed25519 seed (32 bytes), and the function that signs with it."""

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
    secrets: Secrets
    key_pair: KeyPair
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
        knows all that the ledger could know. Once the ledger was silent, only `settle` asks it: nobody's turn waits.
        """
        published = await self.publisher.published(await self._origin(club))
        whole = await self._has_every_anchor(club, published)
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

    async def compare(self, club: UUID) -> None:
        """Raises LogFrozen for a log that a restore has put behind what the world has seen, or that was rewritten."""
        # What the world has seen was in the database before it: a log that grows meanwhile is never behind it.
        await self._refuse_contradicted(club, await self.seen(await self._origin(club)))

    async def _refuse_contradicted(self, club: UUID, seen: Seen) -> None:
        async with self.look(worker("guard", club)) as tx:
            # For the same reason the head is read last; each statement sees what was committed before it.
            newest, keys, head = await tx.log.checkpoint(), await tx.log.keys(), await tx.log.head()
            for where, known in seen.items():
                if known is None:
                    continue
                if isinstance(known, LedgerHead):
                    refuse_other_key(head, keys, known)
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

    async def seen(self, origin: str) -> Seen:
        """Raises what ledger and publication raise when they do not answer."""
        return {LEDGER: await self.ledger.head(origin), PUBLISHED: await self.publisher.published(origin)}

    async def key(self, log: Log, origin: str) -> tuple[VerifierKey, Sign] | None:
        """The log's key, with which it signs; None before it has one. Raises LogFrozen where it was lost or exchanged.

        A key that was lost is not replaced behind the back of verifiers.
        """
        keys = await log.keys()
        if not keys:
            return None
        seed = await self.secrets.get(secret_of(origin))
        if seed is None:
            raise LogFrozen(origin=origin, reason="the log's signing key is not among the secrets", remedy=_KEY)
        public, sign = self.key_pair(seed)
        key = VerifierKey(name=origin, public=public)
        if keys[-1].verifier_key != str(key):
            raise LogFrozen(origin=origin, reason="the signing key among the secrets is not the log's", remedy=_KEY)
        if len(keys) > 1:
            # Nothing exchanges keys yet: somebody has written to the database.
            raise LogFrozen(origin=origin, reason="the log has a key beside its own", remedy=_AUDIT)
        return key, sign

    async def examine(self, club: UUID) -> LogFrozen | None:
        """Why the log would be frozen before it is signed next."""

        async def look_at(club: UUID) -> None:
            await self.compare(club)
            async with self.look(worker("guard", club)) as tx:
                await self.key(tx.log, (await tx.log.head()).origin)

        await self.work(club, look_at, None)
        return self.frozen.get(club)

    async def _origin(self, club: UUID) -> str:
        async with self.look(worker("guard", club)) as tx:
            return (await tx.log.head()).origin


def other_root(head: LogHead, where: str, known_size: int) -> LogFrozen:
    """For a log that leads elsewhere than it does there."""
    reason = f"the log has another root than {where}"
    return LogFrozen(origin=head.origin, reason=reason, size=head.size, known_size=known_size, remedy=_AUDIT)


def refuse_other_key(head: LogHead, keys: Sequence[LogKey], known: LedgerHead) -> None:
    """Raises LogFrozen for a log whose key is not that of the ledger; the database may have forgotten it."""
    if keys and keys[0].verifier_key != known.key:
        reason = "the log's key is not the one that the ledger has"
        raise LogFrozen(origin=head.origin, reason=reason, remedy=_AUDIT)


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


def secret_of(origin: str) -> str:
    """The name of the seed of a log's key among the secrets."""
    return f"log/{origin}"
