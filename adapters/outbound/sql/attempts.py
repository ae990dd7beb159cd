"""Attempts to anchor in SQL: one table for the whole deployment, since a round brings checkpoints of many clubs."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from adapters.outbound.sql.database import Database
from adapters.outbound.sql.schema import attempt as table
from ports.attempts import Attempt

_OF_ROUND = select(table).where(table.c.round == bindparam("of")).order_by(table.c.number.desc()).limit(1)
_ONE = select(table).where(table.c.round == bindparam("of"), table.c.number == bindparam("at_number"))
_UNSETTLED = select(table).where(table.c.outcome.is_(None)).order_by(table.c.at, table.c.number)
_SETTLE = (
    update(table)
    .where(table.c.round == bindparam("of"), table.c.number == bindparam("at_number"), table.c.outcome.is_(None))
    .values(outcome=bindparam("found"))
)


class SqlAttempts:
    """Implements ports.attempts.Attempts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, round: bytes) -> Attempt | None:
        async with self._database.reading(None) as session:
            row = await session.first(_OF_ROUND, of=round)
        return None if row is None else _attempt(row)

    async def unsettled(self) -> Sequence[Attempt]:
        async with self._database.reading(None) as session:
            return [_attempt(row) for row in await session.all(_UNSETTLED)]

    async def keep(self, attempt: Attempt) -> Attempt:
        row = {
            "round": attempt.round,
            "number": attempt.number,
            "tx_id": attempt.tx_id,
            "envelope": attempt.envelope,
            "outcome": attempt.outcome,
            "at": self._database.now(),
        }
        async with self._database.transaction(None) as session:
            await session.insert_new(table, row)
            kept = await session.first(_ONE, of=attempt.round, at_number=attempt.number)
        return attempt if kept is None else _attempt(kept)

    async def settle(self, attempt: Attempt, outcome: int) -> None:
        async with self._database.transaction(None) as session:
            await session.change(_SETTLE, of=attempt.round, at_number=attempt.number, found=outcome)


def _attempt(row: Mapping[str, Any]) -> Attempt:
    return Attempt(
        round=bytes(row["round"]),
        number=row["number"],
        tx_id=row["tx_id"],
        envelope=bytes(row["envelope"]),
        outcome=row["outcome"],
    )
