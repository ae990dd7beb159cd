"""Over gRPC and TLS: what only a connection can show."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from adapters.outbound.fabric.gateway.errors import EvaluateError, EventsError, Fault
from adapters.outbound.fabric.gateway.events import Checkpoint
from adapters.outbound.fabric.gateway.gateway import Contract, Gateway
from adapters.outbound.fabric.gateway.identity import Identity, signer
from adapters.outbound.fabric.gateway.transport import Peer
from tests.fabric_simulator.channel import Limits
from tests.fabric_simulator.makers import assets, functions
from tests.fabric_simulator.network import Shape, SimulatedNetwork


@pytest.fixture
async def network() -> AsyncIterator[SimulatedNetwork]:
    async with SimulatedNetwork(functions(assets), Shape(limits=Limits(max_message_count=1))) as network:
        yield network


@asynccontextmanager
async def _gateway(network: SimulatedNetwork, *peers: Peer) -> AsyncIterator[Gateway]:
    member = network.identity("Org1MSP")
    identity = Identity(msp_id=member.msp_id, certificate=member.certificate)
    async with Gateway.connect(peers, identity, signer(member.private_key)) as gateway:
        yield gateway


def _peers(network: SimulatedNetwork) -> list[Peer]:
    return [Peer(address=peer.address, roots=peer.roots) for peer in network.peers]


async def test_a_killed_peer_ends_streams_and_refuses_connections_until_it_is_back(network: SimulatedNetwork) -> None:
    async with _gateway(network, _peers(network)[0]) as gateway:
        contract = gateway.contract(network.channel, network.chaincode)
        await contract.submit("put", "a", "1")
        stream = aiter(contract.events(Checkpoint(block_number=0)))
        await anext(stream)
        await network.kill("org1.peer")
        with pytest.raises(EventsError) as ended:
            await anext(stream)
        assert ended.value.fault is Fault.UNAVAILABLE
        with pytest.raises(EvaluateError) as refused:
            await contract.evaluate("get", "a")
        assert refused.value.code == "UNAVAILABLE"
        await network.restart("org1.peer")
        assert await _at_last(contract) == b"1"


async def _at_last(contract: Contract) -> bytes:
    """A channel dials again after a pause."""
    for _ in range(50):
        try:
            return await contract.evaluate("get", "a")
        except EvaluateError:
            await asyncio.sleep(0.1)
    raise AssertionError("the peer is not back")


async def test_a_client_goes_on_with_the_other_peer(network: SimulatedNetwork) -> None:
    async with _gateway(network, *_peers(network)) as gateway:
        contract = gateway.contract(network.channel, network.chaincode)
        await contract.submit("put", "a", "1")
        await network.kill("org1.peer")
        assert await contract.evaluate("get", "a") == b"1"


async def test_another_authority_is_a_matter_of_configuration(network: SimulatedNetwork) -> None:
    first, second = _peers(network)
    async with _gateway(network, replace(first, roots=second.roots)) as gateway:
        with pytest.raises(EvaluateError) as raised:
            await gateway.contract(network.channel, network.chaincode).evaluate("get", "a")
        assert (raised.value.code, raised.value.fault) == ("UNAVAILABLE", Fault.CONFIGURATION)
