"""Anchoring: the newest checkpoint of each log goes to the ledger, with proof that it extends the last one there."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from app.log.guard import Guard, refuse_tiles
from app.log.keys import ranges_of
from app.log.trees import consistency
from app.workers import Turns, worker
from core.log.checkpoints import Checkpoint, parse_checkpoint, verify_extension
from core.log.errors import ProofInvalid
from core.log.notes import parse_note
from core.log.tiles import tiles_for_consistency
from ports.ledger import Anchored, Ledger, LedgerHead, LedgerRejected, Submission
from ports.log import Log, LogTx, StoredAnchor
from ports.unit_of_work import Begin
from shared.canonical import Json
from shared.clock import Now


@dataclass(frozen=True, kw_only=True)
class Anchorer:
    """`rejected` names the logs whose checkpoint the ledger refused, with its words: somebody must look.

    `look` opens reading transactions: the ledger is waited for in none at all. `anchored` has the size of each log as
    far as it is anchored.
    """

    begin: Begin[LogTx]
    look: Begin[LogTx]
    ledger: Ledger
    guard: Guard
    turns: Turns
    settling: Turns
    now: Now
    rejected: dict[UUID, LedgerRejected] = field(default_factory=dict)
    anchored: dict[UUID, int] = field(default_factory=dict)

    async def tick(self, clubs: Collection[UUID]) -> set[UUID]:
        """Submit each club's newest checkpoint, in one batch; returns the clubs that have no checkpoint left to anchor.

        Raises what `Ledger.check` and `submit` raise; everything is as before then, and the next tick tries again.
        """
        if clubs:
            # Else every club would wait in its turn for a ledger that does not answer.
            await self.ledger.check()
        found = await self.turns.each(clubs, self._turn)
        submissions = {club: submission for club, submission in found.items() if submission is not None}
        done = found.keys() - submissions.keys()
        if submissions:
            told = await self.ledger.submit(list(submissions.values()))
            answers = dict(zip(submissions, told, strict=True))
            settled = await self.settling.each(answers, lambda club: self._settle(club, answers[club]))
            done |= {club for club, held in settled.items() if held}
        return done

    async def _turn(self, club: UUID) -> Submission | None:
        return await self.guard.work(club, self._submission, None)

    async def _submission(self, club: UUID) -> Submission | None:
        await self.guard.settle(club)
        async with self.look(worker("anchorer", club)) as tx:
            checkpoint, anchor, keys = await tx.log.checkpoint(), await tx.log.anchor(), await tx.log.keys()
        self.anchored[club] = 0 if anchor is None else anchor.size
        if checkpoint is None or self.anchored[club] >= checkpoint.size:
            return None
        new = parse_checkpoint(parse_note(checkpoint.note).text)
        published = await self.guard.publisher.published(new.origin)
        if published is None or published.size < new.size:
            # Its time comes with its publication: a worker that starts without the ledger relies on that order.
            return None
        held = await self.ledger.head(new.origin)
        if held is None or club in self.rejected:
            # It may have been set back to a time before the newest key.
            await self.guard.keys.introduce(new.origin, ranges_of(keys))
        old_size = 0 if held is None else held.size
        if old_size > new.size:
            return None
        async with self.look(worker("anchorer", club)) as tx:
            proof = await _proof(tx.log, held, new)
        return Submission(checkpoint=checkpoint.note, old_size=old_size, proof=proof)

    async def _settle(self, club: UUID, answer: Anchored | LedgerRejected) -> bool:
        if isinstance(answer, LedgerRejected):
            self.rejected[club] = answer
            return False
        self.rejected.pop(club, None)
        evidence = await self.ledger.evidence(answer.origin, answer.size)
        if evidence is None:
            return False
        async with self.begin(worker("anchorer", club)) as tx:
            anchor = StoredAnchor(size=answer.size, evidence=cast("dict[str, Json]", evidence), at=self.now())
            await tx.log.add_anchor(anchor)
        self.anchored[club] = answer.size
        return True


async def _proof(log: Log, held: LedgerHead | None, new: Checkpoint) -> tuple[bytes, ...]:
    """That the checkpoint extends what is held; raises LogFrozen where the stored tiles prove something else."""
    proof = await consistency(log, 0 if held is None else held.size, new.size)
    if held is not None:
        try:
            verify_extension(Checkpoint(origin=new.origin, size=held.size, root=held.root), new, proof)
        except ProofInvalid:
            await refuse_tiles(log, await log.head(), tiles_for_consistency(held.size, new.size))
    return proof
