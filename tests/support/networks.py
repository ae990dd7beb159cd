"""What tests may ask of a Fabric network, a real one or a simulated one: addresses, identities, and faults by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An identity of an organisation: certificate and private key (P-256, PKCS #8) as PEM."""

    msp_id: str
    certificate: bytes
    private_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPeer:
    """A peer that clients talk to: host and port, and the PEM roots of its TLS certificate."""

    name: str
    msp_id: str
    address: str
    roots: bytes


class Network(Protocol):
    """A channel with one chaincode. Nodes are called `orderer`, `org1.peer`, `org1.chaincode`, `org2.peer` and so on.

    A fault returns when it has taken effect, and `restart` when the node answers again. Each may be asked for of a
    node that is in that state already.
    """

    version: str
    """For example v3.1.5."""

    channel: str
    chaincode: str
    peers: Sequence[GatewayPeer]
    """One for each organisation, in the order of the organisations."""

    def identity(self, msp_id: str) -> Member:
        """The organisation's client identity, always the same."""

    def enroll(self, msp_id: str, roles: Sequence[str] = ("client",), *, expired: bool = False) -> Member:
        """A new identity by the organisation's own authority, with these node OUs (Fabric wants exactly one)."""

    async def kill(self, name: str) -> None:
        """At once, without a chance to save anything."""

    async def restart(self, name: str) -> None:
        """Starts a killed node again, with what it had stored."""

    async def freeze(self, name: str) -> None:
        """Connections stay and nothing is answered; of what callers give up meanwhile, some is lost and some is not."""

    async def thaw(self, name: str) -> None: ...
