"""The statements of a transaction as they went to the driver, kept so that they can be executed again without us."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from asyncpg import Connection


@dataclass(frozen=True, slots=True)
class Statement:
    """What the driver was given: `values` of one execution, or of several where `many`."""

    sql: str
    values: Sequence[Any]
    many: bool


Transaction = Sequence[Statement]


@contextmanager
def recorded() -> Iterator[list[Transaction]]:
    """Every transaction of this process that commits while the block lasts; one at a time, or they would mingle.

    Listens where asyncpg itself is called, so that nothing which goes to the database passes by.
    """
    committed: list[Transaction] = []
    open_now: list[Statement] = []

    def note(sql: str, values: Sequence[Any], *, many: bool = False) -> None:
        open_now.append(Statement(sql, values, many))
        if sql in _ENDS:
            if sql == "COMMIT":
                committed.append(tuple(open_now))
            open_now.clear()

    with ExitStack() as stack:
        for name in _EXECUTING:
            stack.enter_context(_heard(Connection, name, lambda _, sql, *values: note(sql, values)))
        listen = _heard(Connection, "executemany", lambda _, sql, rows: note(sql, [*rows], many=True))
        stack.enter_context(listen)
        yield committed


_ENDS = {"COMMIT", "ROLLBACK"}
_EXECUTING = ("execute", "fetch", "fetchrow", "fetchval")


@contextmanager
def _heard(kind: Any, name: str, listen: Callable[..., None]) -> Iterator[None]:
    """Tells `listen` of each call of a method, which goes on as before."""
    method = getattr(kind, name)

    async def called(*arguments: Any, **options: Any) -> Any:
        listen(*arguments)
        return await method(*arguments, **options)

    setattr(kind, name, called)
    try:
        yield
    finally:
        setattr(kind, name, method)


class Replayer:
    """Executes recorded transactions, from BEGIN to COMMIT, on plain connections of the driver."""

    def __init__(self, connections: Sequence["asyncpg.Connection[asyncpg.Record]"]) -> None:
        self._connections = connections

    async def run(self, transactions: Iterable[Transaction]) -> None:
        """As many at a time as there are connections, in order."""
        waiting = iter(transactions)
        await asyncio.gather(*(self._drain(connection, waiting) for connection in self._connections))

    async def _drain(self, connection: Any, waiting: Iterator[Transaction]) -> None:
        for transaction in waiting:
            for statement in transaction:
                if statement.many:
                    await connection.executemany(statement.sql, statement.values)
                elif statement.values:
                    await connection.fetch(statement.sql, *statement.values)
                else:
                    await connection.execute(statement.sql)


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
