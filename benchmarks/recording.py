"""The statements of a transaction as they went to the driver, kept so that they can be executed again without us."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine


@dataclass(frozen=True, slots=True)
class Statement:
    """What the driver was given: `values` of one execution, or of several where `many`."""

    sql: str
    values: Sequence[Any]
    many: bool


Transaction = Sequence[Statement]


@contextmanager
def recorded(engine: AsyncEngine) -> Iterator[list[Transaction]]:
    """Every transaction that commits on this engine while the block lasts; one at a time, or they would mingle."""
    committed: list[Transaction] = []
    open_now: list[Statement] = []

    def on_statement(_connection: Any, _cursor: Any, sql: str, values: Any, _context: Any, many: bool) -> None:
        open_now.append(Statement(sql, [tuple(each) for each in values] if many else tuple(values), many))

    def on_commit(_connection: Any) -> None:
        committed.append(tuple(open_now))
        open_now.clear()

    def on_rollback(_connection: Any) -> None:
        open_now.clear()

    hooks: dict[str, Callable[..., None]] = {
        "before_cursor_execute": on_statement,
        "commit": on_commit,
        "rollback": on_rollback,
    }
    for name, hook in hooks.items():
        event.listen(engine.sync_engine, name, hook)
    try:
        yield committed
    finally:
        for name, hook in hooks.items():
            event.remove(engine.sync_engine, name, hook)


class Replayer:
    """Executes recorded transactions, each in a transaction of its own, on plain connections of the driver."""

    def __init__(self, connections: Sequence["asyncpg.Connection[asyncpg.Record]"]) -> None:
        self._connections = connections

    async def run(self, transactions: Iterable[Transaction]) -> None:
        """As many at a time as there are connections, in order."""
        waiting = iter(transactions)
        await asyncio.gather(*(self._drain(connection, waiting) for connection in self._connections))

    async def _drain(self, connection: Any, waiting: Iterator[Transaction]) -> None:
        for transaction in waiting:
            async with connection.transaction():
                for statement in transaction:
                    if statement.many:
                        await connection.executemany(statement.sql, statement.values)
                    else:
                        await connection.fetch(statement.sql, *statement.values)


@asynccontextmanager
async def replaying(url: str, at_once: int) -> AsyncIterator[Replayer]:
    """A replayer with as many connections to this database."""
    async with AsyncExitStack() as stack:
        connections = []
        for _ in range(at_once):
            connection = await asyncpg.connect(url)
            stack.push_async_callback(connection.close)
            connections.append(connection)
        yield Replayer(connections)
