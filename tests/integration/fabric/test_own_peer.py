"""Calls leave our own organisation's peer when it fails, and go back to it when it is well; on all networks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from adapters.outbound.fabric.gateway import transport as patched
from adapters.outbound.fabric.gateway.errors import EvaluateError
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.gateway.transport import GrpcTransport
from tests.support.fabric_backends import Ledgers
from tests.support.networks import Network

OWN, OTHER = "org1.peer", "org2.peer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Of the first organisation, over its own peer and the other one's."""

    network: Network
    contract: Contract
    transport: GrpcTransport

    async def asks(self, times: int = 1) -> None:
        """Raises EvaluateError."""
        for _time in range(times):
            assert await self.contract.evaluate("Origins", "") == b"[]"

    async def is_back_at_its_own_peer(self) -> None:
        """With nobody but that one to answer."""
        assert self.transport._checking is not None
        async with asyncio.timeout(120):
            await self.transport._checking
        await self.network.freeze(OTHER)
        await self.asks(5)
        await self.network.thaw(OTHER)


@pytest.fixture
async def client(network: Network, ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setattr(patched, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(patched, "CHECK_WITHIN_SECONDS", 0.5)
    gateway = await ledgers.gateway()
    assert isinstance(gateway.transport, GrpcTransport)
    contract = gateway.contract(network.channel, network.chaincode)
    yield Client(network=network, contract=contract, transport=gateway.transport)


async def test_calls_go_back_to_a_peer_that_was_killed_once_it_runs_again(client: Client) -> None:
    await client.asks()
    await client.network.kill(OWN)
    await client.asks(20)
    await client.network.restart(OWN)
    await client.is_back_at_its_own_peer()


async def test_a_peer_that_stands_still_costs_one_call_and_calls_go_back_to_it_once_it_moves(client: Client) -> None:
    await client.asks()
    await client.network.freeze(OWN)
    with pytest.raises(EvaluateError):
        await client.asks()
    for _time in range(20):
        await client.asks()
        await asyncio.sleep(0.1)
    await client.network.thaw(OWN)
    await client.is_back_at_its_own_peer()
