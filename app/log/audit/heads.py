"""Heads: what log row, ledger, signed checkpoints and anchors say the tree was, against the tree that is stored."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from app.log.audit.keys import Keys
from app.log.audit.rewritten import rewritten_leaves
from app.log.audit.scene import Scene
from app.log.audit.tiles import check_edge
from core.log.audit.findings import Check, Code
from core.log.audit.rows import AnchorRow, CheckpointRow, HeadRow
from core.log.checkpoints import Checkpoint
from core.log.errors import EvidenceInvalid, LogInvalid, MalformedCheckpoint, SignatureInvalid
from core.log.evidence import check_evidence
from shared.canonical import NotCanonical, loads
from shared.clock import utc_text


class Heads:
    """The checks of one club's heads."""

    def __init__(self, scene: Scene, head: HeadRow | None, keys: Keys) -> None:
        self._scene = scene
        self._head = head
        self._keys = keys
        self._good_until = 0
        self._first_rewritten: int | None = None
        self._rewritten = 0
        self._behind = False

    async def check(self) -> None:
        """The edge of the tree, ledger, head, keys, checkpoints, anchors, in this order."""
        scene = self._scene
        if scene.does(Check.TILES):
            await check_edge(scene, await self._claims())
        if scene.does(Check.LEDGER):
            await self._check_ledger()
        if scene.does(Check.HEADS):
            await self._check_head()
            async for window in scene.look.checkpoints():
                await self._check_checkpoints(window)
            self._keys.report(scene)
            await self._report_rewritten()
            async for anchors in scene.look.anchors():
                await self._check_anchors(anchors)

    async def settle_intact(self) -> None:
        """Which is the newest anchor that everything below still agrees with, now that the first bad leaf is known."""
        scene = self._scene
        if scene.intact is None or scene.first_bad is None or scene.intact[0] <= scene.first_bad:
            return
        scene.intact = None
        async for anchors in scene.look.anchors():
            roots = await scene.roots_at(_sizes(anchors, scene.first_bad))
            for row in anchors:
                with suppress(LogInvalid):
                    scene.intact = self._vouched(row, roots)
            if isinstance(anchors[-1].size, int) and anchors[-1].size > scene.first_bad:
                return

    async def _claims(self) -> list[tuple[int, bytes]]:
        """What is said of the tree from outside the tiles, the most believable first."""
        scene, head, claims = self._scene, self._head, []
        if scene.anchored is not None:
            claims.append((scene.anchored.size, scene.anchored.root))
        last = await scene.look.last_checkpoint()
        if last is not None:
            with suppress(LogInvalid):
                checkpoint = self._opened(last)
                claims.append((checkpoint.size, checkpoint.root))
        if head is not None and isinstance(head.size, int) and isinstance(head.root, bytes):
            claims.append((head.size, head.root))
        return claims

    async def _check_ledger(self) -> None:
        scene, anchored = self._scene, self._scene.anchored
        if anchored is None:
            return
        if anchored.size > scene.size:
            self._behind = True
            detail = f"{scene.size} leaves here, {anchored.size} on the ledger: {anchored.size - scene.size} are lost"
            scene.report(Code.BEHIND_LEDGER, "log", detail, index=scene.size)
        elif not scene.torn and await scene.root_at(anchored.size) != anchored.root:
            detail = f"at {anchored.size} leaves the ledger holds another root than these leaves have"
            scene.report(Code.OTHER_THAN_LEDGER, "log", detail, key=str(anchored.size))

    async def _check_head(self) -> None:
        scene, head = self._scene, self._head
        if head is None:
            if scene.size:
                scene.report(Code.HEAD_MISSING, "log", f"no head of a log of {scene.size} leaves")
            return
        for name, told, found in (("origin", scene.origin, head.origin), ("size", scene.size, head.size)):
            if told != found:
                scene.report(Code.HEAD_MISMATCH, "log", f"{found!r} where the log has {told!r}", field=name)
        root = await scene.root_at(scene.size)
        if root is not None and not scene.torn and head.root != root:
            scene.report(Code.HEAD_MISMATCH, "log", "not the root of the stored tree", field="root")

    async def _check_checkpoints(self, window: Sequence[CheckpointRow]) -> None:
        scene = self._scene
        signed: dict[CheckpointRow, Checkpoint] = {}
        for row in window:
            try:
                signed[row] = self._opened(row)
            except SignatureInvalid as error:
                self._keys.refused(row, error.reason)
            except LogInvalid as error:
                scene.report(Code.CHECKPOINT_UNSOUND, "checkpoint", error.reason, key=str(row.size))
        roots = await scene.roots_at([checkpoint.size for checkpoint in signed.values()])
        for checkpoint in signed.values():
            self._compare(checkpoint, roots.get(checkpoint.size))

    def _compare(self, checkpoint: Checkpoint, root: bytes | None) -> None:
        scene = self._scene
        if checkpoint.size > scene.size:
            self._behind = True
            detail = f"signed for {checkpoint.size} leaves, and only {scene.size} are here"
            scene.report(Code.BEHIND_LEDGER, "checkpoint", detail, index=scene.size, key=str(checkpoint.size))
        elif root == checkpoint.root:
            self._good_until = max(self._good_until, checkpoint.size)
        elif root is not None and not scene.torn:
            self._rewritten += 1
            self._first_rewritten = self._first_rewritten or checkpoint.size

    async def _report_rewritten(self) -> None:
        """Signatures hold, and the tree below is another: whoever changed it made everything fit but them."""
        size = self._first_rewritten
        start = 0 if size is not None and size < self._good_until else self._good_until
        if size is not None:
            detail = (
                f"{self._rewritten} checkpoints, the first of {size} leaves, were signed over another tree:"
                f" leaves {start} to {size - 1} are not those that were signed"
            )
            self._scene.report(Code.REWRITTEN, "checkpoint", detail, index=start, key=str(size))
        if size is None and not self._behind:
            return
        async for index, record in rewritten_leaves(self._scene, start):
            detail = "the published log, which was written when it was signed, has another hash here"
            self._scene.report(Code.REWRITTEN, "record", detail, record=record, index=index)

    async def _check_anchors(self, window: Sequence[AnchorRow]) -> None:
        scene = self._scene
        roots = await scene.roots_at(_sizes(window, scene.size))
        for row in window:
            try:
                scene.intact = self._vouched(row, roots)
                if not row.signed:
                    detail = "it was anchored, and is no longer here"
                    scene.report(Code.CHECKPOINT_MISSING, "checkpoint", detail, key=str(row.size))
            except LogInvalid as error:
                if not scene.torn:
                    scene.report(Code.ANCHOR_UNSOUND, "anchor", error.reason, key=str(row.size))

    def _vouched(self, row: AnchorRow, roots: dict[int, bytes]) -> tuple[int, str | None]:
        """Size and time of an anchor whose evidence holds for the stored tree; raises LogInvalid for any other."""
        size = row.size
        if not isinstance(size, int) or size not in roots or not isinstance(row.evidence, str):
            raise EvidenceInvalid("of a size that the log does not have, or without evidence")
        checkpoint = Checkpoint(origin=self._scene.origin, size=size, root=roots[size])
        try:
            evidence = loads(row.evidence.encode())
        except (NotCanonical, UnicodeEncodeError) as error:
            raise EvidenceInvalid("not canonical JSON") from error
        if not isinstance(evidence, dict):
            raise EvidenceInvalid("not an object")
        time = check_evidence(evidence, checkpoint, self._scene.trust, self._scene.signatures).at
        return size, None if time is None else utc_text(datetime.fromtimestamp(time, UTC))

    def _opened(self, row: CheckpointRow) -> Checkpoint:
        if not isinstance(row.note, str):
            raise MalformedCheckpoint("not text")
        checkpoint = self._keys.open(row.note, self._scene.signatures.ed25519)
        if checkpoint.origin != self._scene.origin or checkpoint.size != row.size:
            raise MalformedCheckpoint(f"signed for {checkpoint.size} leaves of {checkpoint.origin}")
        return checkpoint


def _sizes(anchors: Sequence[AnchorRow], most: int) -> list[int]:
    return [row.size for row in anchors if isinstance(row.size, int) and 0 <= row.size <= most]
