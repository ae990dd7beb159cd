"""The control of the reads, a process of its own: bare FastAPI over raw asyncpg, on the same uvicorn settings.

It checks the same tokens with the same code, reads under the same row-level security in the same kind of transaction,
and answers the same bytes. Of the ways to write it this was the fastest: dataclasses returned by annotation, which
FastAPI turns into JSON in one go (models of pydantic took twice as long), with its own tracing off, as in the product.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
import uvloop
from fastapi import Depends, FastAPI, Header, HTTPException

from app.clubs.members import MemberView
from concordat import clocks
from concordat.builders import build_secrets, build_tokens, open_keys
from concordat.garbage import collect_from_now_on, leave_until_started
from concordat.servers import WebServer, bind
from concordat.settings import load
from core.clubs.geography import Position
from core.clubs.standing import Fact
from ports.tokens import Claims, TokenRefused, Tokens

READY = r"listens on (?P<host>[\d.]+):(?P<port>\d+)"
POOL_SIZE = 20

_ONE = """SELECT id, version, ref, number, name, category, residence, facts, erased
FROM member WHERE id = $1 AND club_id = $2"""
_MANY = """SELECT id, version, ref, number, name, category, residence, facts, erased
FROM member WHERE club_id = $1 ORDER BY id LIMIT $2"""
_POSITION = msgspec.json.Decoder(Position)
_FACTS = msgspec.json.Decoder(tuple[Fact, ...])


@dataclass(frozen=True, slots=True)
class Meta:
    """Where the next page begins."""

    next: UUID | None
    prev: UUID | None


@dataclass(frozen=True, slots=True)
class Members:
    """The body of a list."""

    data: list[MemberView]
    meta: Meta


class Reads:
    """Reads in the transaction of a tenant, in as few round trips as the product makes."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        async with asyncpg.create_pool(self._url, max_size=POOL_SIZE, reset=_nothing) as self._pool:
            yield

    async def rows(self, club: UUID | None, statement: str, *values: Any) -> list[MemberView]:
        assert self._pool is not None
        async with self._pool.acquire() as connection:
            await connection.execute(f"BEGIN READ ONLY; SELECT set_config('app.club_id', '{club}', true)")
            rows = await connection.fetch(statement, *values)
            await connection.execute("COMMIT")
        return [_member(row) for row in rows]


async def _nothing(_connection: object) -> None:
    """Settings end with their transaction, so that a connection goes back as it came."""


def _member(row: asyncpg.Record) -> MemberView:
    values = dict(row)
    values["residence"] = None if row["residence"] is None else _POSITION.decode(row["residence"])
    values["facts"] = None if row["facts"] is None else _FACTS.decode(row["facts"])
    return MemberView(**values)


def bare_app(reads: Reads, tokens: Tokens) -> FastAPI:
    """The whole control."""
    app = FastAPI(openapi_url=None, telemetry={"operation_spans": False})

    async def calling(authorization: Annotated[str, Header()]) -> Claims:
        try:
            return tokens.check(authorization.removeprefix("Bearer "))
        except TokenRefused:
            raise HTTPException(401) from None

    @app.get("/v1/members/{member_id}")
    async def one(claims: Annotated[Claims, Depends(calling)], member_id: UUID) -> MemberView:
        found = await reads.rows(claims.club, _ONE, member_id, claims.club)
        if not found:
            raise HTTPException(404)
        return found[0]

    @app.get("/v1/members")
    async def many(claims: Annotated[Claims, Depends(calling)], limit: int = 50) -> Members:
        found = await reads.rows(claims.club, _MANY, claims.club, limit + 1)
        following = found[limit - 1].id if len(found) > limit else None
        return Members(data=found[:limit], meta=Meta(next=following, prev=None))

    return app


async def serve() -> None:
    """Until the process is killed. Keys and database are those of the product's settings."""
    settings = load()
    keys = await open_keys(build_secrets(settings), clocks.random_bytes)
    reads = Reads(settings.database)
    listener, address = bind("http", "127.0.0.1", 0, anywhere=True)
    async with reads.opened():
        server = WebServer(bare_app(reads, build_tokens(settings, keys, clocks.now)), listener, grace_seconds=1)
        await server.start()
        collect_from_now_on()
        print(f"listens on {address}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    leave_until_started()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
