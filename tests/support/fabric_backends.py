"""The networks that a suite of Fabric's runs on: simulated ones always, and real ones where the programs are found.

A test asks for `network`, a channel of two organisations with the contract `witness` and nothing on its ledger. Marked
`real_fabric` is what starts real processes.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from secrets import token_bytes

import pytest

from adapters.outbound.fabric.gateway.gateway import Gateway, Limits
from adapters.outbound.fabric.gateway.identity import Identity, signer
from adapters.outbound.fabric.gateway.transport import Peer
from adapters.outbound.fabric.ledger import FabricLedger, Patience
from adapters.outbound.x509 import check_endorsement
from concordat.fabric.chaincode import own_chaincode
from concordat.fabric.plan import Wish
from concordat.fabric.programs import KNOWN
from core.log.pairs import Signed
from core.log.trust import LedgerTrust
from ports.attempts import Attempts
from shared.canonical import b64url
from tests.fabric_simulator import channel
from tests.fabric_simulator.makers import witness
from tests.fabric_simulator.network import Shape, SimulatedNetwork
from tests.support.attempts import MemoryAttempts
from tests.support.fabric import FabricNetwork
from tests.support.fabric_programs import versions
from tests.support.networks import Member, Network

_IMPATIENT = Limits(evaluate_seconds=3, endorse_seconds=5, submit_seconds=1)
_TWO = Wish(organisations=2, max_messages=1)
AT_ONCE = Shape(limits=channel.Limits(batch_timeout_seconds=0.2, max_message_count=1))
"""A simulated network that makes a block of every transaction."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Which network a test runs on."""

    kind: str
    version: str

    def __str__(self) -> str:
        return f"{self.kind}-{self.version}"


_SIMULATED = [pytest.param(Backend("simulated", version)) for version in KNOWN]
_REAL = [pytest.param(Backend("real", version), marks=pytest.mark.real_fabric) for version in versions()]
BACKENDS = _SIMULATED + _REAL
"""Parameters of a fixture."""


@pytest.fixture(scope="module")
def real_networks() -> Iterator[Callable[[str], FabricNetwork]]:
    """One of each version for a file of tests, started when one of them first asks for it, outside any event loop."""
    started: dict[str, FabricNetwork] = {}
    with ExitStack() as stack:

        def of(version: str) -> FabricNetwork:
            if version not in started:
                started[version] = stack.enter_context(FabricNetwork(version, _TWO, serve=own_chaincode))
            return started[version]

        yield of


@pytest.fixture(params=BACKENDS, ids=str)
def backend(
    request: pytest.FixtureRequest, real_networks: Callable[[str], FabricNetwork]
) -> SimulatedNetwork | FabricNetwork:
    """The network, a simulated one not yet begun."""
    wanted: Backend = request.param
    if wanted.kind == "simulated":
        return SimulatedNetwork(witness(wanted.version), replace(AT_ONCE, version=wanted.version))
    network = real_networks(wanted.version)
    network.define_afresh()
    return network


@pytest.fixture
async def network(backend: SimulatedNetwork | FabricNetwork) -> AsyncIterator[Network]:
    """Whole again afterwards."""
    if isinstance(backend, SimulatedNetwork):
        async with backend:
            yield backend
        return
    await backend.wait_until_endorsing()
    yield backend
    await backend.heal()


@dataclass(slots=True)
class Ledgers:
    """Makes ledgers on one network, and closes their connections in the end."""

    network: Network
    stack: AsyncExitStack
    secret: bytes = field(default_factory=lambda: token_bytes(32))
    """Of a real channel's transaction ids none may come twice, whichever test makes them."""

    @property
    def trust(self) -> LedgerTrust:
        """Both organisations have to agree."""
        roots = {peer.msp_id: (self.network.root(peer.msp_id).decode(),) for peer in self.network.peers}
        return LedgerTrust(
            channel=self.network.channel, contract=self.network.chaincode, k=len(roots), organisations=roots
        )

    async def gateway(self, member: Member | None = None, roots: bytes | None = None) -> Gateway:
        """By the first organisation's client, through its peer first; `roots` take the place of the peers' own."""
        member = member or self.network.identity(self.network.peers[0].msp_id)
        identity = Identity(msp_id=member.msp_id, certificate=member.certificate)
        peers = [Peer(address=peer.address, roots=roots or peer.roots) for peer in self.network.peers]
        connecting = Gateway.connect(peers, identity, signer(member.private_key), limits=_IMPATIENT)
        return await self.stack.enter_async_context(connecting)

    async def make(
        self, attempts: Attempts, gateway: Gateway | None = None, *, patience: Patience | None = None, channel: str = ""
    ) -> FabricLedger:
        """A ledger of its own connection, unless one is given."""
        gateway = gateway or await self.gateway()
        contract = gateway.contract(channel or self.network.channel, self.network.chaincode)
        return FabricLedger(contract, attempts, self.trust, self.secret, check_endorsement, patience=patience)

    async def register(self, origin: str, key: str, *, organisation: int = 1) -> None:
        """That organisation's client makes a log known, and so its organisation becomes the owner."""
        gateway = await self.gateway(self.network.identity(self.network.peers[organisation - 1].msp_id))
        await (await self.make(MemoryAttempts(), gateway)).register(origin, key)

    async def settled_by_first_alone(self, signed: Signed) -> int:
        """The validation code of a settlement that a peer of the first organisation alone endorsed."""
        gateway = await self.gateway()
        contract, settled = gateway.contract(self.network.channel, self.network.chaincode), signed.settled
        arguments = (settled.pair, settled.commitment, *signed.signatures)
        pair, commitment, *signatures = map(b64url, arguments)
        proposal = contract.propose(
            "Settle", pair, settled.period, commitment, *signatures, organizations=[self.network.peers[0].msp_id]
        )
        transaction = await gateway.endorse(proposal)
        await gateway.submit(transaction)
        return (await gateway.committed(transaction)).code


@asynccontextmanager
async def ledgers_on(network: Network) -> AsyncIterator[Ledgers]:
    """For the running loop."""
    async with AsyncExitStack() as stack:
        yield Ledgers(network, stack)


@pytest.fixture
async def ledgers(network: Network) -> AsyncIterator[Ledgers]:
    async with ledgers_on(network) as ledgers:
        yield ledgers
