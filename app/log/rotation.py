"""Rotation: another key takes over a log. Whoever wants that asks for it, and the one worker does it.

From the wish to its end both keys sign every checkpoint, so that any size beyond the wish will do for the new key to
begin at, whenever and however often the ledger is asked. It is told first; the database follows what it says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.log.guard import Guard, LogFrozen
from app.log.keys import ROTATION, SEED_SIZE, SIGNING, KeysDisputed, ranges_of
from app.workers import Turns, worker
from core.log.checkpoints import Checkpoint
from core.log.notes import VerifierKey, parse_note
from core.log.rotation import KeyRotated
from core.log.trust import KeyRange
from core.log.witness import Reason
from ports.ledger import LedgerBusy, LedgerRejected
from ports.log import Backlog, LogKey, LogTx, Pending, StoredCheckpoint
from ports.unit_of_work import Begin
from shared.errors import Busy, Conflict

_OVERTAKEN = frozenset({Reason.WRONG_SIZE, Reason.OTHER_KEY})
"""The log was anchored beyond that size meanwhile, or an earlier attempt, with another size, counts by now."""

_FOREIGN = "tell the other members of the ledger: somebody else has rotated the log's key"

_AWAY = "take that seed out of the secrets, and ask again"


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
    """A log before its rotation: its keys, its newest checkpoint and that of the publication, which may be a step
    ahead, and the wishes that are to be met."""

    origin: str
    keys: Sequence[LogKey]
    newest: StoredCheckpoint | None
    published: Checkpoint | None
    wishes: Sequence[Pending]

    def next_size(self) -> int:
        """Beyond everything that was signed, and beyond the beginning of the present key."""
        signed = (0 if each is None else each.size for each in (self.newest, self.published))
        return max(*signed, self.keys[-1].from_size) + 1

    def allows(self, begun: KeyRange) -> bool:
        """Was nothing signed for the new key's sizes without it?"""
        if self.newest is None or self.newest.size < begun.from_size:
            return True
        return any(each.key_id == begun.key.id for each in parse_note(self.newest.note).signatures)


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
        """Meet every wish; returns the logs concerned, which may have missed a signature while that was noted."""
        clubs = await self.backlog.clubs_with_work(ROTATION)
        await self.turns.each(clubs, self._turn)
        return set(clubs)

    async def _turn(self, club: UUID) -> None:
        await self.guard.work(club, self._rotate, None)

    async def _rotate(self, club: UUID) -> None:
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

    async def _decided(self, stored: _Stored, new: VerifierKey) -> KeyRange:
        """The new key with its range as the ledger has it, from an earlier attempt or from now on."""
        ledger, origin, keys = self.guard.ledger, stored.origin, ranges_of(stored.keys)
        if new in [each.key for each in keys]:
            raise KeysDisputed(origin, f"key {len(keys) + 1} among the secrets is one that the log had before", _AWAY)
        told = await ledger.keys(origin)
        if len(told) <= len(keys):
            try:
                await self.guard.keys.introduce(origin, [*keys, KeyRange(key=new, from_size=stored.next_size())])
            except LedgerRejected as refusal:
                if refusal.parameters["reason"] not in _OVERTAKEN:
                    raise
            told = await ledger.keys(origin)
        if len(told) <= len(keys):
            raise LedgerBusy(fault="behind", stage="keys", remedy="ask again: it has not heard yet what it was told")
        if told[-1].key != new or not stored.allows(told[-1]):
            raise LogFrozen(origin=origin, reason="the ledger has a key of the log that is not ours", remedy=_FOREIGN)
        return told[-1]

    async def _stored(self, club: UUID) -> _Stored:
        async with self.look(worker("rotation", club)) as tx:
            wishes, keys = await tx.log.take(ROTATION, 1000), await tx.log.keys()
            newest, origin = await tx.log.checkpoint(), (await tx.log.head()).origin
        published = await self.guard.publisher.published(origin)
        return _Stored(origin=origin, keys=keys, newest=newest, published=published, wishes=wishes)


class RotationRefused(Conflict):
    """The new key was refused, and the present one goes on. Parameters: origin, remedy."""

    code = "log/rotation-refused"
    title = "The log's new key was refused, and the present one goes on."
