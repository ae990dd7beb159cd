"""What this deployment's witness cosigned, in SQL: one row a log, moved by compare-and-swap."""

from sqlalchemy import bindparam, select, update

from adapters.outbound.sql.database import Database
from adapters.outbound.sql.schema import witnessed as table
from core.log.checkpoints import Checkpoint
from ports.witnessed import Witnessed

_OF_LOG = select(table).where(table.c.origin == bindparam("of"))
_MOVE = (
    update(table)
    .where(
        table.c.origin == bindparam("of"),
        table.c.size == bindparam("old_size"),
        table.c.root == bindparam("old_root"),
    )
    .values(size=bindparam("new_size"), root=bindparam("new_root"), note=bindparam("new_note"), at=bindparam("new_at"))
)


class SqlWitnessedHeads:
    """Implements ports.witnessed.WitnessedHeads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, origin: str) -> Witnessed | None:
        async with self._database.reading(None) as session:
            row = await session.first(_OF_LOG, of=origin)
        if row is None:
            return None
        checkpoint = Checkpoint(origin=row["origin"], size=row["size"], root=bytes(row["root"]))
        return Witnessed(checkpoint=checkpoint, note=row["note"])

    async def move(self, old: Checkpoint | None, new: Witnessed) -> bool:
        to, at = new.checkpoint, self._database.now()
        async with self._database.transaction(None) as session:
            if old is None:
                row = {"origin": to.origin, "size": to.size, "root": to.root, "note": new.note, "at": at}
                return await session.insert_new(table, row)
            moved = await session.change(
                _MOVE,
                of=to.origin,
                old_size=old.size,
                old_root=old.root,
                new_size=to.size,
                new_root=to.root,
                new_note=new.note,
                new_at=at,
            )
        return moved == 1
