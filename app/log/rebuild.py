"""Rebuilding: after a restore, the leaves that the world has seen come back out of what was published of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.log.guard import Guard, LogFrozen
from app.log.integrator import CONSUMER, grown_by
from app.log.keys import KeysDisputed
from app.log.restoration import NotRebuildable, Plan, Planner, Progress
from app.workers import worker
from core.log.errors import LogInvalid
from core.log.rebuilding import LogRebuilt, Stretch, declare, found_again, stretches
from core.log.records import leaf_of
from ports.log import Backlog, DirectoryEntry, LogHead, LogKey, LogMoved, LogTx, StoredAnchor, StoredCheckpoint
from ports.unit_of_work import Begin
from shared.clock import Now


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild makes of a log: its size `before` and `after`, and the leaves that are `lost` of those in between.

    `beyond` is how many leaves more the ledger has seen and nobody published: the log stays frozen then. `refused` says
    why nothing can be done; everything is as it was then.
    """

    origin: str
    before: int
    after: int
    lost: tuple[Stretch, ...] = ()
    beyond: int = 0
    refused: str | None = None

    @property
    def found(self) -> int:
        """How many leaves have their record again."""
        return self.after - self.before - sum(each.last - each.first + 1 for each in self.lost)


@dataclass(frozen=True, kw_only=True)
class Rebuild:
    """Needs to be alone: no worker may integrate or sign meanwhile.

    A batch of leaves is whole or not there, with its own declaration of what is lost, so that a rebuild that was cut
    off is gone on with by the next one.
    """

    begin: Begin[LogTx]
    backlog: Backlog
    guard: Guard
    planner: Planner
    now: Now

    async def run(self, progress: Progress, origins: Collection[str] | None, *, write: bool) -> Sequence[Rebuilt]:
        """Each log that something contradicts, rebuilt as far as possible or, without `write`, what that would make.

        `origins` are the logs to look at, None for every one. Raises what ledger, publication and database raise when
        they do not answer.
        """
        entries = [entry for entry in await self.backlog.directory() if origins is None or entry.origin in origins]
        return [one for entry in entries if (one := await self._one(entry, progress, write=write)) is not None]

    async def _one(self, entry: DirectoryEntry, progress: Progress, *, write: bool) -> Rebuilt | None:
        frozen = await self.guard.examine(entry.club)
        if frozen is None:
            return None
        try:
            plan = await self.planner.plan(entry.club, progress)
        except (NotRebuildable, KeysDisputed, LogFrozen, LogInvalid) as error:
            reasons = dict.fromkeys(str(each.parameters["reason"]) for each in (frozen, error))
            size = await self._size(entry.club)
            return Rebuilt(origin=entry.origin, before=size, after=size, refused="; ".join(reasons))
        old = plan.before
        for new in plan.heads if write else ():
            await self._append(plan, old, new)
            progress(entry.origin, "rebuilding", new.size - plan.before.size, plan.heads[-1].size - plan.before.size)
            old = new
        lost, after = stretches(plan.lost), plan.heads[-1].size
        return Rebuilt(origin=entry.origin, before=plan.before.size, after=after, lost=lost, beyond=plan.beyond)

    async def _size(self, club: UUID) -> int:
        async with self.planner.look(worker("rebuild", club)) as tx:
            return (await tx.log.head()).size

    async def _append(self, plan: Plan, old: LogHead, new: LogHead) -> None:
        """The leaves between two heads of the plan; raises LogMoved if log or publication are not as they were then."""
        commitments = await plan.published.commitments(old.size, new.size)
        async with self.begin(worker("rebuild", plan.club)) as tx:
            if not await tx.log.lock(CONSUMER):
                raise LogMoved
            grown, tiles = await grown_by(tx.log, await tx.log.head(), [leaf_of(each) for each in commitments])
            if grown != new:
                raise LogMoved
            waiting = await tx.log.waiting(commitments)
            again = found_again(commitments, waiting)
            entries = [
                commitment if one is None else one.event_id for commitment, one in zip(commitments, again, strict=True)
            ]
            await tx.log.grow(old, new, tiles, entries)
            await tx.log.drop(CONSUMER, [one for one in again if one is not None])
            lost = [index for index, one in enumerate(again, old.size) if one is None]
            tx.emit(_declared(plan, old, new, stretches(lost)))
            await self._keep(tx, plan, new)

    async def _keep(self, tx: LogTx, plan: Plan, new: LogHead) -> None:
        """What was published beside the leaves: keys and, with the last of them, the checkpoint and its anchor."""
        for each in plan.new_keys:
            await tx.log.add_key(LogKey(verifier_key=str(each.key), from_size=each.from_size, until_size=None))
        if new == plan.heads[-1]:
            at = self.now()
            await tx.log.add_checkpoint(StoredCheckpoint(size=new.size, note=plan.note, at=at))
            if plan.anchor is not None:
                await tx.log.add_anchor(StoredAnchor(size=new.size, evidence=plan.anchor, at=at))


def _declared(plan: Plan, old: LogHead, new: LogHead, lost: tuple[Stretch, ...]) -> LogRebuilt:
    return declare(
        club=plan.club, origin=old.origin, first=old.size, size=new.size, lost=lost, key=plan.key, sign=plan.sign
    )
