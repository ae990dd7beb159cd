"""Signing: a log's head becomes a checkpoint under the log's own key, once what it covers is durable.

While that key is being exchanged, the next one signs beside it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.log.guard import Guard, refuse_behind
from app.log.keys import ROTATION, SEED_SIZE, SIGNING, Pair
from app.workers import Turns, worker
from core.log.checkpoints import Checkpoint, sign_checkpoint
from core.log.notes import VerifierKey, join_notes
from ports.log import LogHead, LogKey, LogTx, StoredCheckpoint
from ports.unit_of_work import Begin
from shared.clock import Now


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """A checkpoint that nobody has seen yet, and who signed it."""

    checkpoint: StoredCheckpoint
    keys: Sequence[VerifierKey]


@dataclass(frozen=True, kw_only=True)
class Signer:
    """A checkpoint is published before it is stored, and shown to nobody before: a restored backup is compared with
    what was published, and would sign another root of a size that somebody has seen already.

    `look` opens reading transactions: files are waited for in none that keeps a desk waiting.
    """

    begin: Begin[LogTx]
    look: Begin[LogTx]
    guard: Guard
    turns: Turns
    now: Now
    random_bytes: Callable[[int], bytes]

    async def tick(self, clubs: Iterable[UUID]) -> Mapping[UUID, bool]:
        """Sign and publish each log that grew since its last checkpoint: of each that had its turn, is there a new one?

        A log that contradicts what the world has seen of it is frozen by the guard, and has no more turns.
        """
        return await self.turns.each(clubs, self._turn)

    async def _turn(self, club: UUID) -> bool:
        return await self.guard.work(club, self._sign, False)

    async def _sign(self, club: UUID) -> bool:
        head, newest = await self._stored(club)
        if not self.guard.knows(club, head.size):
            await self.guard.admit(club)
        if newest is not None:
            refuse_behind(head, "its own checkpoint", newest.size)
        if head.size > (0 if newest is None else newest.size):
            signed = await self._signed(club)
            if signed is not None:
                await self._publish(club, signed.checkpoint)
                return await self._keep(club, signed)
        return await self._publish(club, newest)

    async def _publish(self, club: UUID, checkpoint: StoredCheckpoint | None) -> bool:
        async with self.look(worker("signer", club)) as tx:
            return await self.guard.publisher.publish(tx.log, checkpoint)

    async def _stored(self, club: UUID) -> tuple[LogHead, StoredCheckpoint | None]:
        async with self.look(worker("signer", club)) as tx:
            # The head is read last: a log that grows meanwhile is not behind what was seen of it before.
            newest = await tx.log.checkpoint()
            return await tx.log.head(), newest

    async def _signed(self, club: UUID) -> _Signed | None:
        """A checkpoint of the head; None while a wish to rotate is being noted."""
        async with self.begin(worker("signer", club)) as tx:
            if not await tx.log.lock(SIGNING):
                return None
            head = await tx.log.head()
            pairs = await self._pairs(tx, head.origin)
        signed = Checkpoint(origin=head.origin, size=head.size, root=head.root)
        note = join_notes(*(sign_checkpoint(signed, key, sign) for key, sign in pairs))
        checkpoint = StoredCheckpoint(size=head.size, note=note, at=self.now())
        return _Signed(checkpoint=checkpoint, keys=[key for key, _sign in pairs])

    async def _keep(self, club: UUID, signed: _Signed) -> bool:
        """Let it be shown; False where other keys have to sign it by now, and the next turn will have them do so."""
        async with self.begin(worker("signer", club)) as tx:
            if not await tx.log.lock(SIGNING):
                return False
            pairs = await self._pairs(tx, (await tx.log.head()).origin)
            if signed.keys != [key for key, _sign in pairs]:
                return False
            await tx.log.add_checkpoint(signed.checkpoint)
        return True

    async def _pairs(self, tx: LogTx, origin: str) -> list[Pair]:
        """The keys that sign now."""
        pairs = [await self.guard.key(tx.log, origin) or await self._first_key(tx, origin)]
        if await tx.log.take(ROTATION, 1):
            # Whichever size the ledger lets the new key begin at, the one that is good for this size has signed.
            pairs.append(await self._next_key(tx, origin))
        return pairs

    async def _next_key(self, tx: LogTx, origin: str) -> Pair:
        number = len(await tx.log.keys()) + 1
        return await self.guard.keys.made(origin, number, self.random_bytes(SEED_SIZE))

    async def _first_key(self, tx: LogTx, origin: str) -> Pair:
        """The log's key, made at its genesis, or found: the database may have forgotten it, the secrets have not."""
        pair = await self.guard.keys.made(origin, 1, self.random_bytes(SEED_SIZE))
        await tx.log.add_key(LogKey(verifier_key=str(pair[0]), from_size=0, until_size=None))
        return pair
