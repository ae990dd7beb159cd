"""Rotation: another key takes over a log. Whoever wants that asks for it, and the one worker does it.

Nothing of the log is signed from the wish to its end, so that the size from which the new key is good, one beyond the
last checkpoint, stays the same however often the worker dies and begins anew. The ledger is told first; the database
follows what the ledger says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.log.guard import Guard, LogFrozen
from app.log.keys import ROTATION, SEED_SIZE, SIGNING, KeysDisputed, ranges_of
from app.workers import Turns, worker
from core.log.notes import VerifierKey
from core.log.rotation import KeyRotated
from core.log.trust import KeyRange
from ports.ledger import LedgerBusy, LedgerRejected
from ports.log import Backlog, LogKey, LogTx, Pending
from ports.unit_of_work import Begin
from shared.errors import Busy, Conflict

_FOREIGN = "tell the other members of the ledger: somebody else has rotated the log's key"


class NoKeyYet(Conflict):
    """The log was never signed, so that there is no key to exchange. Parameters: origin, remedy."""

    code = "log/no-key"
    title = "The log has no key yet."


class SigningUnderWay(Busy):
    """The log is being signed at this moment; ask again."""

    code = "log/signing"
    title = "The log is being signed at this moment."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """A log before its rotation: its keys, the size of its newest checkpoint, and the wishes that are to be met."""

    origin: str
    keys: Sequence[LogKey]
    size: int
    wishes: Sequence[Pending]


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """`ask` in any process, `tick` in the worker alone. `look` opens reading transactions: the ledger is waited for
    in none at all."""

    begin: Begin[LogTx]
    look: Begin[LogTx]
    guard: Guard
    backlog: Backlog
    turns: Turns
    random_bytes: Callable[[int], bytes]
    refused: dict[UUID, Conflict] = field(default_factory=dict)
    """Why the present key of a log goes on, until somebody takes that: LedgerRejected or KeysDisputed."""

    async def ask(self, club: UUID) -> int:
        """Have the log's key exchanged; returns the new key's number, by which `done` knows it.

        Raises NoKeyYet, LogFrozen, SigningUnderWay, and what the ledger raises: nothing is changed then.
        """
        stored = await self._stored(club)
        if not stored.keys:
            raise NoKeyYet(origin=stored.origin, remedy="it gets one with its first checkpoint")
        # Also for a database that a restore has set back before an exchange: the wish ends that one.
        await self.guard.compare(club, rotating=True)
        await self.guard.require_key(club)
        number = len(stored.keys) + 1
        # Durable before anything speaks of it; one that an earlier attempt left behind is taken up again.
        await self.guard.keys.made(stored.origin, number, self.random_bytes(SEED_SIZE))
        async with self.begin(worker("rotation", club)) as tx:
            if not await tx.log.lock(SIGNING):
                raise SigningUnderWay
            if len(await tx.log.keys()) < number and not await tx.log.take(ROTATION, 1):
                await tx.log.ask(ROTATION)
        return number

    async def done(self, club: UUID, number: int) -> LogKey | None:
        """The new key once it is in force. Raises RotationRefused where the wish is gone without one."""
        stored = await self._stored(club)
        if len(stored.keys) >= number:
            return stored.keys[number - 1]
        if not stored.wishes:
            raise RotationRefused(origin=stored.origin, remedy="the worker's log says why: new key refused")
        return None

    async def tick(self) -> set[UUID]:
        """Meet every wish; returns the logs that may be signed again."""
        done = await self.turns.each(await self.backlog.clubs_with_work(ROTATION), self._turn)
        return {club for club, ended in done.items() if ended}

    async def _turn(self, club: UUID) -> bool:
        return await self.guard.work(club, self._rotate, False)

    async def _rotate(self, club: UUID) -> bool:
        await self.guard.compare(club)
        await self.guard.require_key(club)
        stored = await self._stored(club)
        number = len(stored.keys) + 1
        new, _sign = await self.guard.keys.made(stored.origin, number, self.random_bytes(SEED_SIZE))
        try:
            decided = await self._decided(stored, new)
        except (LedgerRejected, KeysDisputed) as refusal:
            # It holds nothing of the new key, so the old one goes on.
            async with self.begin(worker("rotation", club)) as tx:
                await tx.log.drop(ROTATION, stored.wishes)
            self.refused[club] = refusal
            raise
        before = stored.keys[-1].verifier_key
        async with self.begin(worker("rotation", club)) as tx:
            if len(await tx.log.keys()) < number:
                await tx.log.add_key(LogKey(verifier_key=str(new), from_size=decided.from_size, until_size=None))
                size = decided.from_size
                tx.emit(KeyRotated(club=club, number=number, from_size=size, key=str(new), before=before))
            await tx.log.drop(ROTATION, stored.wishes)
        return True

    async def _decided(self, stored: _Stored, new: VerifierKey) -> KeyRange:
        """The new key with its range as the ledger has it, from an earlier attempt or from now on."""
        ledger, origin = self.guard.ledger, stored.origin
        told = await ledger.keys(origin)
        if len(told) <= len(stored.keys):
            keys = ranges_of(stored.keys)
            wanted = KeyRange(key=new, from_size=max(stored.size, keys[-1].from_size) + 1)
            await self.guard.keys.introduce(origin, [*keys, wanted])
            told = await ledger.keys(origin)
        if len(told) <= len(stored.keys):
            raise LedgerBusy(fault="behind", stage="keys", remedy="ask again: it has not heard yet what it was told")
        if told[-1].key != new or told[-1].from_size <= stored.size:
            raise LogFrozen(origin=origin, reason="the ledger has a key of the log that is not ours", remedy=_FOREIGN)
        return told[-1]

    async def _stored(self, club: UUID) -> _Stored:
        async with self.look(worker("rotation", club)) as tx:
            wishes, keys = await tx.log.take(ROTATION, 1000), await tx.log.keys()
            newest = await tx.log.checkpoint()
            origin = (await tx.log.head()).origin
        return _Stored(origin=origin, keys=keys, size=0 if newest is None else newest.size, wishes=wishes)


class RotationRefused(Conflict):
    """The new key was refused, and the present one goes on. Parameters: origin, remedy."""

    code = "log/rotation-refused"
    title = "The log's new key was refused, and the present one goes on."
