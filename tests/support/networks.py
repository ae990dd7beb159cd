"""What tests may ask of a Fabric network, a real one or a simulated one: addresses, identities, and faults by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

LASTING = timedelta(days=3650)


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

    @property
    def version(self) -> str:
        """For example v3.1.5."""

    @property
    def channel(self) -> str: ...
    @property
    def chaincode(self) -> str: ...
    @property
    def peers(self) -> Sequence[GatewayPeer]:
        """One for each organisation, in the order of the organisations."""

    def root(self, msp_id: str) -> bytes:
        """The certificate of the organisation's own authority, as PEM."""

    def identity(self, msp_id: str) -> Member:
        """The organisation's client identity, always the same."""

    def enroll(self, msp_id: str, roles: Sequence[str] = ("client",), *, lifetime: timedelta = LASTING) -> Member:
        """A new identity by the organisation's own authority, with these node OUs (Fabric wants exactly one).

        It is good for `lifetime` from now on, in whole seconds; one of less than nothing has expired.
        """

    async def kill(self, name: str) -> None:
        """At once, without a chance to save anything."""

    async def restart(self, name: str) -> None:
        """Starts a killed node again, with what it had stored."""

    async def freeze(self, name: str) -> None:
        """Connections stay and nothing is answered; of what callers give up meanwhile, some is lost and some is not."""

    async def thaw(self, name: str) -> None: ...

    async def renew(self, name: str, member: Member) -> None:
        """A peer acts with this identity from now on; returns when it answers, and the others know it."""
