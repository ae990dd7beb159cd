"""What can be rebuilt of a log: everything that was published is verified before anything of it is believed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from app.log.guard import LEDGER, PUBLISHED, Guard, other_root
from app.log.integrator import edge_of
from app.log.keys import Pair, precede, ranges_of
from app.log.published_log import PublishedLog
from app.log.trees import root_at
from app.workers import worker
from core.log.checkpoints import Checkpoint, open_checkpoint
from core.log.evidence import Signatures, check_evidence
from core.log.notes import Sign, VerifierKey
from core.log.rebuilding import found_again
from core.log.records import leaf_of
from core.log.tiles import append
from core.log.trust import KeyRange, parse_ledger_trust
from ports.ledger import LedgerHead
from ports.log import LogHead, LogTx
from ports.unit_of_work import Begin
from shared.canonical import Json
from shared.errors import Conflict

Progress = Callable[[str, str, int, int], None]
"""Told the log's origin, what is being done with it, how many of its leaves are done, and how many there are."""


class NotRebuildable(Conflict):
    """The log cannot be rebuilt from what was published of it. Parameters: origin, reason."""

    code = "log/not-rebuildable"
    title = "The log cannot be rebuilt from what was published of it."

    def __init__(self, origin: str, reason: str) -> None:
        super().__init__(origin=origin, reason=reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A rebuild of which everything is verified: the head `before`, and `heads` after each batch.

    `lost` are the leaves whose record does not wait in the database, `beyond` those that the ledger alone has seen.
    `key` signs the log now, `new_keys` are those of the log that the database does not have; `anchor` is the ledger's
    evidence for the published checkpoint.
    """

    club: UUID
    before: LogHead
    heads: tuple[LogHead, ...]
    published: PublishedLog
    note: str
    key: VerifierKey
    sign: Sign
    new_keys: tuple[KeyRange, ...]
    anchor: dict[str, Json] | None
    lost: tuple[int, ...]
    beyond: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the world has seen of a log."""

    anchored: LedgerHead | None
    checkpoint: Checkpoint


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Reads, and changes nothing. `batch` is the most leaves between two heads."""

    look: Begin[LogTx]
    guard: Guard
    signatures: Signatures
    batch: int = 1000

    async def plan(self, club: UUID, progress: Progress) -> Plan:
        """What brings a log to the size at which it was published.

        Raises NotRebuildable, LogFrozen or LogInvalid where that is less than the database has, not signed by the
        log's key, or contradicted: by the stored leaves, by the published entries, or by the ledger.
        """
        async with self.look(worker("rebuild", club)) as tx:
            head = await tx.log.head()
            ours = ranges_of(await tx.log.keys())
        keys, (key, sign) = await self._keys(head.origin, ours)
        known = await self._known(club, head)
        published = PublishedLog(
            publication=self.guard.publisher.publication, origin=head.origin, size=known.checkpoint.size
        )
        note = await published.note()
        good = [each.key for each in keys if each.covers(known.checkpoint.size)]
        if open_checkpoint(note, good, self.signatures.ed25519).checkpoint != known.checkpoint:
            raise NotRebuildable(head.origin, "the published checkpoint is another log's")
        heads, lost = await self._grown(club, head, known, published, progress)
        return Plan(
            club=club,
            before=head,
            heads=heads,
            published=published,
            note=note,
            key=key,
            sign=sign,
            new_keys=keys[len(ours) :],
            anchor=await self._anchor(known.checkpoint),
            lost=lost,
            beyond=max(0, (known.anchored.size if known.anchored else 0) - known.checkpoint.size),
        )

    async def _known(self, club: UUID, head: LogHead) -> _Known:
        """Raises NotRebuildable unless the publication is ahead of the database, LogFrozen for another log's root."""
        seen = await self.guard.seen(head.origin)
        anchored, published = cast("LedgerHead | None", seen[LEDGER]), cast("Checkpoint | None", seen[PUBLISHED])
        if published is None or published.size <= head.size:
            sizes = f"{0 if published is None else published.size} leaves were published"
            sizes += "" if anchored is None else f", the ledger has seen {anchored.size}"
            raise NotRebuildable(head.origin, f"the publication has nothing that the database lacks: {sizes}")
        if anchored is not None and anchored.size <= head.size:
            async with self.look(worker("rebuild", club)) as tx:
                if await root_at(tx.log, anchored.size) != anchored.root:
                    raise other_root(head, LEDGER, anchored.size)
        return _Known(anchored=anchored, checkpoint=published)

    async def _keys(self, origin: str, ours: tuple[KeyRange, ...]) -> tuple[tuple[KeyRange, ...], Pair]:
        """The log's keys, also those that the database forgot, and the one that signs now; raises NotRebuildable."""
        told = tuple(await self.guard.ledger.keys(origin)) or ours
        if not precede(ours, told):
            raise NotRebuildable(origin, "the log's keys are not those that the ledger has")
        pair = await self.guard.keys.held(origin, max(len(told), 1))
        if pair is None:
            raise NotRebuildable(origin, "the log's signing key is not among the secrets")
        if told and told[-1].key != pair[0]:
            raise NotRebuildable(origin, "the signing key among the secrets is not the one that the ledger has")
        return told or (KeyRange(key=pair[0]),), pair

    async def _grown(
        self, club: UUID, head: LogHead, known: _Known, published: PublishedLog, progress: Progress
    ) -> tuple[tuple[LogHead, ...], tuple[int, ...]]:
        """The heads on the way to the published one, and the lost leaves; raises NotRebuildable where roots differ."""
        heads: list[LogHead] = []
        lost: list[int] = []
        async with self.look(worker("rebuild", club)) as tx:
            edge = await edge_of(tx.log, head)
        size = head.size
        for end in self._ends(head, known):
            commitments = await published.commitments(size, end)
            grown = append(size, edge, [leaf_of(each) for each in commitments])
            heads.append(LogHead(origin=head.origin, size=grown.size, root=grown.root))
            async with self.look(worker("rebuild", club)) as tx:
                again = found_again(commitments, await tx.log.waiting(commitments))
            lost += [index for index, record in enumerate(again, size) if record is None]
            size, edge = grown.size, grown.edge
            progress(head.origin, "verifying", size - head.size, known.checkpoint.size - head.size)
        await self._compare(club, heads, head, known, published)
        return tuple(heads), tuple(lost)

    def _ends(self, head: LogHead, known: _Known) -> Sequence[int]:
        """The sizes after each batch; the ledger's is one of them, so that its root can be compared."""
        size = known.checkpoint.size
        ends = {*range(head.size + self.batch, size, self.batch), size}
        if known.anchored is not None and head.size < known.anchored.size < size:
            ends.add(known.anchored.size)
        return sorted(ends)

    async def _compare(
        self, club: UUID, heads: Sequence[LogHead], head: LogHead, known: _Known, published: PublishedLog
    ) -> None:
        roots = {each.size: each.root for each in heads}
        if roots[known.checkpoint.size] != known.checkpoint.root:
            async with self.look(worker("rebuild", club)) as tx:
                raise NotRebuildable(head.origin, await published.difference(tx.log, head.size))
        anchored = known.anchored
        if anchored is not None and roots.get(anchored.size, anchored.root) != anchored.root:
            reason = f"the ledger contradicts what was published: it holds another root of {anchored.size} leaves"
            raise NotRebuildable(head.origin, reason)

    async def _anchor(self, checkpoint: Checkpoint) -> dict[str, Json] | None:
        """The ledger's evidence for the published checkpoint; raises EvidenceInvalid where it holds another one."""
        found = cast("dict[str, Json] | None", await self.guard.ledger.evidence(checkpoint.origin, checkpoint.size))
        if found is not None:
            trust = parse_ledger_trust(cast(Json, await self.guard.ledger.trust()))
            check_evidence(found, checkpoint, trust, self.signatures)
        return found
