"""Single reads on Postgres past SQLAlchemy's engine: a pool of asyncpg's, and three round trips.

A read of one row costs half of what it costs through the engine; `benchmarks` holds the comparison.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Select

from adapters.outbound.sql.compiled import compiled
from adapters.outbound.sql.postgres_url import dsn
from adapters.outbound.sql.settings import Settings


class FastReads:
    """A pool of its own, opened at the first read. Nothing outlives a transaction, so nothing is reset between two."""

    def __init__(self, settings: Settings, server_settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._server_settings = dict(server_settings)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def rows(self, statement: Select[Any], tenant: UUID | None, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a statement in a read-only transaction of this tenant."""
        one = compiled(statement)
        if one is None:
            raise TypeError(f"not a statement that can be read past the engine: {statement}")
        pool = self._pool or await self._open()
        # With a timeout the driver makes a task of it, for which there is no need where nobody waits.
        longest = None if pool.get_idle_size() else self._settings.acquire_timeout_seconds
        async with pool.acquire(timeout=longest) as connection:
            # One round trip: a UUID or nothing goes into the text, so there is nothing to escape.
            name = "" if tenant is None else str(tenant)
            await connection.execute(f"BEGIN READ ONLY; SELECT set_config('app.club_id', '{name}', true)")
            rows = await one.fetch(connection, given)
            await connection.execute("COMMIT")
        return rows

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _open(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    dsn(self._settings.url),
                    min_size=1,
                    max_size=self._settings.pool_size,
                    reset=_roll_back,
                    timeout=5,
                    command_timeout=self._settings.statement_timeout_seconds + 1,
                    server_settings=self._server_settings,
                )
            return self._pool


async def _roll_back(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """A read that failed or was given up half-way leaves its transaction open."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")
