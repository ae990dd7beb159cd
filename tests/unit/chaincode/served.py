"""A contract behind the real server, and one call of it by a peer that dials."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from adapters.inbound.chaincode.server import ChaincodeServer
from adapters.inbound.chaincode.stub import Contract
from adapters.inbound.grpc.settings import Tls
from tests.support.chaincode import State
from tests.support.peer import Completed, Peer

DEFECT = "defect: the contract failed; its log says how"


@asynccontextmanager
async def served(does: Contract, tls: Tls | None = None) -> AsyncIterator[tuple[ChaincodeServer, int]]:
    """A server of a contract on a free port."""
    server = ChaincodeServer(does, "label:hash", tls=tls)
    port = server.listen("127.0.0.1", 0)
    await server.start()
    try:
        async with asyncio.timeout(60):
            yield server, port
    finally:
        await server.stop(grace_seconds=0)


async def called(does: Contract, *arguments: str, state: State | None = None, **peer: Any) -> tuple[Completed, Peer]:
    """One transaction of a contract, and the peer that asked for it."""
    async with served(does) as (_, port), Peer(port, state or State(), **peer) as dialled:
        return await dialled.invoke(*arguments), dialled
