"""Signing: a log's head becomes a checkpoint under the log's own key, once what it covers is durable."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from app.log.publisher import Publisher
from app.log.trees import root_at
from app.workers import worker
from core.log.checkpoints import Checkpoint, sign_checkpoint
from core.log.notes import Sign, VerifierKey
from ports.ledger import Ledger
from ports.log import LogKey, LogTx, StoredCheckpoint
from ports.secrets import Secrets
from ports.unit_of_work import Begin
from shared.clock import Now
from shared.errors import Conflict

SEED_SIZE = 32

KeyPair = Callable[[bytes], tuple[bytes, Sign]]
"""The public key of an Ed25519 seed (32 bytes), and the function that signs with it."""


class LogFrozen(Conflict):
    """The log contradicts what was anchored before: signing on would be a fork. Parameters: origin, reason, sizes."""

    code = "log/frozen"
    title = "The log contradicts its last anchor, so nothing more is signed."


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Holds the logs that may be signed in this process: each was compared with the ledger once, at its first turn."""

    begin: Begin[LogTx]
    secrets: Secrets
    ledger: Ledger
    publisher: Publisher
    key_pair: KeyPair
    now: Now
    random_bytes: Callable[[int], bytes]
    compared: set[UUID] = field(default_factory=set)
    frozen: dict[UUID, LogFrozen] = field(default_factory=dict)

    async def tick(self, clubs: Iterable[UUID]) -> set[UUID]:
        """Sign the head of each log that grew since its last checkpoint; returns the clubs with a new checkpoint.

        A log that is behind the ledger, or contradicts it, is frozen and named in `frozen`.
        """
        signed = set()
        for club in clubs:
            try:
                if club not in self.frozen and await self._sign(club):
                    signed.add(club)
            except LogFrozen as frozen:
                self.frozen[club] = frozen
        return signed

    async def _sign(self, club: UUID) -> bool:
        async with self.begin(worker("signer", club)) as tx:
            head = await tx.log.head()
            newest = await tx.log.checkpoint()
            await self._compare(club, tx)
            if head.size == 0 or (newest is not None and newest.size >= head.size):
                await self.publisher.publish(tx.log, newest)
                return False
            key, sign = await self._key(tx, head.origin)
            note = sign_checkpoint(Checkpoint(origin=head.origin, size=head.size, root=head.root), key, sign)
            checkpoint = StoredCheckpoint(size=head.size, note=note, at=self.now())
            await tx.log.add_checkpoint(checkpoint)
        async with self.begin(worker("signer", club)) as tx:
            await self.publisher.publish(tx.log, checkpoint)
        return True

    async def _key(self, tx: LogTx, origin: str) -> tuple[VerifierKey, Sign]:
        seed = await self.secrets.create(f"log/{origin}", self.random_bytes(SEED_SIZE))
        public, sign = self.key_pair(seed)
        key = VerifierKey(name=origin, public=public)
        if not await tx.log.keys():
            await tx.log.add_key(LogKey(verifier_key=str(key), from_size=0, until_size=None))
        return key, sign

    async def _compare(self, club: UUID, tx: LogTx) -> None:
        """Refuse to sign a log that a restore has put behind its last anchor, or that was rewritten."""
        if club in self.compared:
            return
        head = await tx.log.head()
        anchored = await self.ledger.head(head.origin)
        if anchored is not None:
            sizes = {"size": head.size, "anchored_size": anchored.size}
            if anchored.size > head.size:
                raise LogFrozen(origin=head.origin, reason="the log is behind the ledger", **sizes)
            if await root_at(tx.log, anchored.size) != anchored.root:
                raise LogFrozen(origin=head.origin, reason="the log has another root than the ledger", **sizes)
        self.compared.add(club)
