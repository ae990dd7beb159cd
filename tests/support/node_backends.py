"""Networks on which a contract in Node runs beside our `witness`, and Fabric's official client for Node at hand.

A test asks for `assets` or `witness`, and so runs on simulated networks and on real ones. Their ledgers are shared by
all tests of a file: each test has names of its own.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass
from functools import partial

import pytest

from adapters.outbound.fabric.gateway.gateway import Gateway
from adapters.outbound.fabric.gateway.identity import Identity, Sign, signer
from adapters.outbound.fabric.gateway.transport import Peer
from concordat.fabric.chaincode import own_chaincode
from tests.fabric_simulator import makers
from tests.fabric_simulator.chaincode_side import Chaincode, StreamedChaincode, dialled
from tests.fabric_simulator.channel import Limits
from tests.fabric_simulator.network import Shape, SimulatedNetwork
from tests.support import node
from tests.support.fabric import ONE, FabricNetwork
from tests.support.fabric_backends import BACKENDS, Backend
from tests.support.networks import Network
from tests.support.node import OfficialClient, Served

ASSETS = "assets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A chaincode on a network, and how either client comes to it: as the first organisation's, at its own peer."""

    network: Network
    chaincode: str
    port: int

    def gateway(self, sign: Sign | None = None, *, unsigned: bool = False) -> AbstractAsyncContextManager[Gateway]:
        """Ours; `unsigned` has nothing to sign with."""
        peer = self.network.peers[0]
        member = self.network.identity(peer.msp_id)
        identity = Identity(msp_id=member.msp_id, certificate=member.certificate)
        sign = None if unsigned else sign or signer(member.private_key)
        return Gateway.connect([Peer(address=peer.address, roots=peer.roots)], identity, sign)

    def official(self) -> AbstractAsyncContextManager[OfficialClient]:
        peer = self.network.peers[0]
        return node.official_client(self.port, self.network.channel, peer, self.network.identity(peer.msp_id))


@pytest.fixture(scope="module")
def official_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where the official client listens: one process for a file of tests."""
    process = node.client(tmp_path_factory.mktemp("node") / "client.log")
    found = process.start()
    try:
        node.started()
        yield int(found[1])
    finally:
        process.kill()


@pytest.fixture(scope="module")
def assets_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The contract in Node: one process for all peers of all networks."""
    process, served = node.assets(tmp_path_factory.mktemp("node") / "assets.log")
    with process:
        yield served


@pytest.fixture(scope="module")
def real_networks(assets_server: Served) -> Iterator[Callable[[str], FabricNetwork]]:
    """One of each version, with both chaincodes, started when a test first asks for it."""
    started: dict[str, FabricNetwork] = {}
    with ExitStack() as stack:

        def of(version: str) -> FabricNetwork:
            if version not in started:
                network = stack.enter_context(FabricNetwork(version, ONE, serve=own_chaincode))
                network.add_chaincode(ASSETS, assets_server.address)
                started[version] = network
            return started[version]

        yield of


@pytest.fixture(params=BACKENDS, ids=str)
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen: Backend = request.param
    return chosen


@pytest.fixture
def network(backend: Backend, request: pytest.FixtureRequest) -> FabricNetwork | None:
    """The real one, outside any event loop; None where it is to be simulated."""
    if backend.kind == "simulated":
        return None
    found: FabricNetwork = request.getfixturevalue("real_networks")(backend.version)
    return found


@pytest.fixture
async def assets(
    backend: Backend, network: FabricNetwork | None, assets_server: Served, official_port: int
) -> AsyncIterator[Place]:
    """The contract that is not ours."""
    if network is not None:
        yield Place(network=network, chaincode=ASSETS, port=official_port)
        return
    async with _simulated(backend, partial(_served, assets_server, backend)) as simulated:
        yield Place(network=simulated, chaincode=simulated.chaincode, port=official_port)


@pytest.fixture
async def witness(backend: Backend, network: FabricNetwork | None, official_port: int) -> AsyncIterator[Place]:
    """Ours."""
    if network is not None:
        yield Place(network=network, chaincode=network.chaincode, port=official_port)
        return
    async with _simulated(backend, makers.witness(backend.version)) as simulated:
        yield Place(network=simulated, chaincode=simulated.chaincode, port=official_port)


def _simulated(backend: Backend, chaincode_of: Callable[[str], Chaincode]) -> SimulatedNetwork:
    limits = Limits(max_message_count=1)
    return SimulatedNetwork(chaincode_of, Shape(organizations=1, version=backend.version, limits=limits))


def _served(server: Served, backend: Backend, _msp_id: str) -> Chaincode:
    batches = backend.version.startswith("v3.")
    return StreamedChaincode(dialled(server.address, server.package_id), server.package_id, batches=batches)
