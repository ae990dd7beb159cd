"""Simulated networks: the nodes with their authorities, in memory, or served over gRPC and TLS on loopback."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import grpc

from adapters.outbound.fabric.gateway.messages import ChannelHeader, Envelope, Header, Payload
from shared.protowire import encode
from tests.fabric_simulator.chaincode_side import Chaincode, ChaincodeNode
from tests.fabric_simulator.channel import Channel, Limits
from tests.fabric_simulator.faults import Faults
from tests.fabric_simulator.gateway import GatewayService
from tests.fabric_simulator.grpc_side import gateway_server
from tests.fabric_simulator.identities import Authority, Membership
from tests.fabric_simulator.memory import MemoryTransport
from tests.fabric_simulator.node import Now
from tests.fabric_simulator.orderer import Orderer
from tests.fabric_simulator.peer import Peer, Seat
from tests.fabric_simulator.policies import out_of
from tests.fabric_simulator.registry import Registry
from tests.support.networks import LASTING, GatewayPeer, Member

ORDERER_MSP_ID = "OrdererMSP"
CHANNEL, CHAINCODE = "concordat", "witness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a network is made. `required` of the organisations must endorse; None: more than half of them."""

    organizations: int = 2
    required: int | None = None
    version: str = "v3.1.5"
    limits: Limits = field(default_factory=Limits)
    seed: int = 0

    @property
    def msp_ids(self) -> list[str]:
        return [f"Org{number}MSP" for number in range(1, self.organizations + 1)]


class MemoryNetwork(Faults):
    """All nodes in this process and no socket; the same seed makes the same keys, certificates and signatures.

    `chaincode_of` makes an organisation's chaincode. Used as a context manager.
    """

    def __init__(
        self, chaincode_of: Callable[[str], Chaincode], shape: Shape | None = None, now: Now = time.time_ns
    ) -> None:
        self.shape = shape or Shape()
        self.now = now
        self.rng = random.Random(self.shape.seed)
        self.authorities = {msp_id: self._authority(msp_id, now) for msp_id in (*self.shape.msp_ids, ORDERER_MSP_ID)}
        self.settings = self._channel()
        self.version, self.channel, self.chaincode = self.shape.version, CHANNEL, CHAINCODE
        self.orderer = Orderer("127.0.0.1:7050", self.settings, now)
        self.nodes = [self._new_peer(number, chaincode_of, now) for number in range(self.shape.organizations)]
        self.services = {peer.name: self._service(peer) for peer in self.nodes}
        self.peers: Sequence[GatewayPeer] = [
            GatewayPeer(name=peer.name, msp_id=peer.msp_id, address="", roots=b"") for peer in self.nodes
        ]
        self._identities = {msp_id: self.authorities[msp_id].member(msp_id) for msp_id in self.shape.msp_ids}
        super().__init__([self.orderer, *self.nodes, *(peer.chaincode for peer in self.nodes)])

    def identity(self, msp_id: str) -> Member:
        """The organisation's client identity, always the same."""
        return self._identities[msp_id]

    def root(self, msp_id: str) -> bytes:
        """The certificate of the organisation's own authority, as PEM."""
        return self.authorities[msp_id].pem

    def enroll(self, msp_id: str, roles: Sequence[str] = ("client",), *, lifetime: timedelta = LASTING) -> Member:
        """A new identity by the organisation's own authority, with these node OUs (Fabric wants exactly one)."""
        return self.authorities[msp_id].member(msp_id, roles, lifetime=lifetime)

    async def renew(self, name: str, member: Member) -> None:
        """At once."""
        next(peer for peer in self.nodes if peer.name == name).endorser.member = member

    def succeed(self, msp_id: str, authority: Authority) -> None:
        """The channel has a second root for an organisation; certificates of the first are as good as before."""
        self.settings.membership.succeed(msp_id, authority)

    def transport(self, name: str = "org1.peer") -> MemoryTransport:
        """A client's way to this peer."""
        return MemoryTransport(self.services[name], self.rng)

    async def __aenter__(self) -> Self:
        for envelopes in self._founding():
            self.orderer.found(envelopes)
        for peer in self.nodes:
            peer.start()
        for peer in self.nodes:
            await peer.replica.ledger.block(self.orderer.chain[-1].number)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in (*self.nodes, self.orderer):
            await node.kill()

    def _authority(self, name: str, now: Now) -> Authority:
        return Authority(f"ca.{name}", self.rng, datetime.fromtimestamp(now() // 1_000_000_000, UTC))

    def _channel(self) -> Channel:
        shape = self.shape
        required = shape.organizations // 2 + 1 if shape.required is None else shape.required
        return Channel(
            name=CHANNEL,
            version=shape.version,
            membership=Membership(self.authorities),
            orderer_msp_id=ORDERER_MSP_ID,
            chaincode=CHAINCODE,
            policy=out_of(required, shape.msp_ids),
            limits=shape.limits,
        )

    def _new_peer(self, number: int, chaincode_of: Callable[[str], Chaincode], now: Now) -> Peer:
        msp_id = self.shape.msp_ids[number]
        organization = f"org{number + 1}"
        chaincode = ChaincodeNode(f"{organization}.chaincode", chaincode_of(msp_id), now)
        seat = Seat(
            member=self.authorities[msp_id].member(msp_id, ("peer",)), channel=self.settings, chaincode=chaincode
        )
        return Peer(f"{organization}.peer", seat, self.orderer, founding=len(self._founding()), now=now)

    def _service(self, peer: Peer) -> GatewayService:
        return GatewayService(Registry(peer, self.nodes, self.settings), self.orderer, self.settings, self.rng)

    def _founding(self) -> list[tuple[bytes, ...]]:
        """The configuration, each organisation's approval of the chaincode, and its definition."""
        kinds = [1, *(3 for _ in range(self.shape.organizations + 1))]
        headers = (Header(channel_header=encode(ChannelHeader(type=kind, channel_id=CHANNEL))) for kind in kinds)
        return [(encode(Envelope(payload=encode(Payload(header=header)))),) for header in headers]


class SimulatedNetwork(MemoryNetwork):
    """The same, with each peer's Gateway served over gRPC and TLS. Implements tests.support.networks.Network."""

    async def __aenter__(self) -> Self:
        now = datetime.now(UTC)
        self._tls = {peer.name: Authority(f"tlsca.{peer.msp_id}", self.rng, now) for peer in self.nodes}
        self._credentials = {name: authority.server() for name, authority in self._tls.items()}
        self._servers: dict[str, grpc.aio.Server] = {}
        for peer in self.nodes:
            await self._serve(peer, 0)
        self.peers = [
            GatewayPeer(name=peer.name, msp_id=peer.msp_id, address=peer.address, roots=self._tls[peer.name].pem)
            for peer in self.nodes
        ]
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        await asyncio.gather(*(server.stop(None) for server in self._servers.values()))

    async def kill(self, name: str) -> None:
        await super().kill(name)
        server = self._servers.pop(name, None)
        if server is not None:
            await server.stop(None)

    async def restart(self, name: str) -> None:
        await super().restart(name)
        for peer in self.nodes:
            if peer.name == name and name not in self._servers:
                await self._serve(peer, int(peer.address.rsplit(":", 1)[1]))

    async def _serve(self, peer: Peer, port: int) -> None:
        key, certificate = self._credentials[peer.name]
        server = gateway_server(self.services[peer.name])
        credentials = grpc.ssl_server_credentials([(key, certificate)])
        peer.address = f"localhost:{server.add_secure_port(f'127.0.0.1:{port}', credentials)}"
        await server.start()
        self._servers[peer.name] = server
