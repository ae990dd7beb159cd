"""Signing: a log's head becomes a checkpoint under the log's own key, once what it covers is durable."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from app.log.publisher import Publisher
from app.log.trees import root_at
from app.workers import in_turn, report, worker
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
    """The log contradicts what was published of it: signing on would be a fork. Parameters: origin, reason, sizes."""

    code = "log/frozen"
    title = "The log contradicts what was published of it, so nothing more is signed."


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Compares a log with ledger and publication before it first signs it, and whenever it is behind what it signed.

    `look` opens reading transactions: files and the ledger are waited for in none that keeps a desk waiting.
    """

    begin: Begin[LogTx]
    look: Begin[LogTx]
    secrets: Secrets
    ledger: Ledger
    publisher: Publisher
    key_pair: KeyPair
    now: Now
    random_bytes: Callable[[int], bytes]
    signed: dict[UUID, int] = field(default_factory=dict)
    """The size up to which this process knows each log to be signed, and to contradict nothing."""
    frozen: dict[UUID, LogFrozen] = field(default_factory=dict)

    async def tick(self, clubs: Iterable[UUID]) -> set[UUID]:
        """Sign the head of each log that grew since its last checkpoint; returns the clubs with a new checkpoint.

        A log that is behind the ledger or what was published, or contradicts it, is frozen and named in `frozen`.
        """
        signed, failed = await in_turn(clubs, self._turn)
        report(failed)
        return {club for club, new in signed.items() if new}

    async def _turn(self, club: UUID) -> bool:
        try:
            return club not in self.frozen and await self._sign(club)
        except LogFrozen as frozen:
            self.frozen[club] = frozen
            return False

    async def _sign(self, club: UUID) -> bool:
        async with self.look(worker("signer", club)) as tx:
            # The head is always read last: a log that grows meanwhile is not behind what was seen of it before.
            newest = await tx.log.checkpoint()
            signed = 0 if newest is None else newest.size
            if club not in self.signed or signed < self.signed[club]:
                await self._compare(tx)
            head = await tx.log.head()
            if signed > head.size:
                sizes = {"size": head.size, "known_size": signed}
                raise LogFrozen(origin=head.origin, reason="the log is behind its own checkpoint", **sizes)
            self.signed[club] = signed
            if signed == head.size:
                await self.publisher.publish(tx.log, newest)
                return False
        async with self.begin(worker("signer", club)) as tx:
            head = await tx.log.head()
            key, sign = await self._key(tx, head.origin)
            note = sign_checkpoint(Checkpoint(origin=head.origin, size=head.size, root=head.root), key, sign)
            checkpoint = StoredCheckpoint(size=head.size, note=note, at=self.now())
            await tx.log.add_checkpoint(checkpoint)
        self.signed[club] = checkpoint.size
        async with self.look(worker("signer", club)) as tx:
            await self.publisher.publish(tx.log, checkpoint)
        return True

    async def _key(self, tx: LogTx, origin: str) -> tuple[VerifierKey, Sign]:
        """The log's key, made at its genesis: a key that was lost is not replaced behind the back of verifiers."""
        keys = await tx.log.keys()
        name = f"log/{origin}"
        create = self.secrets.create(name, self.random_bytes(SEED_SIZE)) if not keys else self.secrets.get(name)
        seed = await create
        if seed is None:
            raise LogFrozen(origin=origin, reason="the log's signing key is not among the secrets")
        public, sign = self.key_pair(seed)
        key = VerifierKey(name=origin, public=public)
        if not keys:
            await tx.log.add_key(LogKey(verifier_key=str(key), from_size=0, until_size=None))
        elif keys[-1].verifier_key != str(key):
            raise LogFrozen(origin=origin, reason="the signing key among the secrets is not the log's")
        return key, sign

    async def _compare(self, tx: LogTx) -> None:
        """Refuse to sign a log that a restore has put behind what the world has seen of it, or that was rewritten."""
        origin = (await tx.log.head()).origin
        seen = {
            "the ledger": await self.ledger.head(origin),
            "what was published": await self.publisher.published(origin),
        }
        head = await tx.log.head()
        for where, known in seen.items():
            if known is None:
                continue
            sizes = {"size": head.size, "known_size": known.size}
            if known.size > head.size:
                raise LogFrozen(origin=head.origin, reason=f"the log is behind {where}", **sizes)
            if await root_at(tx.log, known.size) != known.root:
                raise LogFrozen(origin=head.origin, reason=f"the log has another root than {where}", **sizes)
