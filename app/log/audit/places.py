"""Pending rows: each for work that is still to be done, and for each piece of it one."""

from app.log.audit.scene import Scene
from core.log.audit.findings import Code
from core.log.audit.rows import PendingRow, Raw


async def check_pending(scene: Scene, consumers: frozenset[str], *, integrator: str, wishes: frozenset[str]) -> None:
    """`wishes` are the consumers whose rows belong to no event."""
    before: tuple[Raw, Raw] | None = None
    seen: set[Raw] = set()
    async for window in scene.look.pending():
        for row in window:
            if before is None or before[0] != row.event_id:
                seen = set()
            detail = _fault(row, consumers, integrator, wishes) or ("twice" if row.consumer in seen else None)
            if detail is not None:
                event_id = str(row.event_id)
                scene.report(Code.PENDING_STRAY, "pending", detail, record=event_id, key=str(row.sequence))
            before = (row.event_id, row.consumer)
            seen.add(row.consumer)


def _fault(row: PendingRow, consumers: frozenset[str], integrator: str, wishes: frozenset[str]) -> str | None:
    if row.consumer not in consumers:
        return "nobody takes it"
    if row.consumer in wishes:
        return None
    if not row.recorded:
        return "of an event that this log has no record of"
    return "of a record that has its leaf already" if row.consumer == integrator and row.placed else None
