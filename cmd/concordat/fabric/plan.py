"""What a network shall be: its organisations, where each of its parts listens, and how its folder is laid out."""

import socket
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import SystemRandom

from concordat.failures import Failure

HOST = "127.0.0.1"
CHANNEL = "concordat"
CHAINCODE = "witness"
ORDERER_MSP = "OrdererMSP"
_PORTS = range(20_000, 32_768)
"""Below those that systems give to outgoing connections: one of these could take the port of a node that restarts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What can be asked for; `chaincode` is the address of one that runs elsewhere, None for one per organisation."""

    organisations: int = 2
    batch_timeout_milliseconds: int = 200
    max_messages: int = 100
    chaincode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """One with a peer, its addresses as host:port: of the peer, and where that reaches the chaincode."""

    name: str
    msp_id: str
    folder: Path
    peer: str
    chaincode: str

    @property
    def peer_name(self) -> str:
        return f"{self.name}.peer"

    @property
    def chaincode_name(self) -> str:
        return f"{self.name}.chaincode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A wish with its folder, version and addresses."""

    folder: Path
    version: str
    wish: Wish
    orderer: str
    orderer_admin: str
    organisations: tuple[Organisation, ...]

    @property
    def majority(self) -> int:
        """How many organisations have to endorse."""
        return len(self.organisations) // 2 + 1

    @property
    def orderer_folder(self) -> Path:
        return self.folder / "orderer"

    @property
    def genesis(self) -> Path:
        return self.folder / "genesis.block"

    @property
    def builder(self) -> Path:
        return self.folder / "builder"

    @property
    def profile(self) -> Path:
        return self.folder / "fabric.toml"

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"


def new_plan(folder: Path, version: str, wish: Wish) -> Plan:
    """With ports that are free now; whoever is told that one is taken after all makes another plan."""
    orderer, admin, *others = _free_addresses(2 + 2 * wish.organisations)
    organisations = tuple(
        Organisation(
            name=f"org{number}",
            msp_id=f"Org{number}MSP",
            folder=folder / f"org{number}",
            peer=others[2 * number - 2],
            chaincode=wish.chaincode or others[2 * number - 1],
        )
        for number in range(1, wish.organisations + 1)
    )
    return Plan(
        folder=folder, version=version, wish=wish, orderer=orderer, orderer_admin=admin, organisations=organisations
    )


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def _free_addresses(count: int) -> list[str]:
    """All held at once, so that no two are the same; raises Failure where there are not as many."""
    addresses: list[str] = []
    with ExitStack() as held:
        for port in SystemRandom().sample(_PORTS, len(_PORTS)):
            if len(addresses) == count:
                return addresses
            listener = held.enter_context(socket.socket())
            with suppress(OSError):
                listener.bind((HOST, port))
                addresses.append(f"{HOST}:{port}")
    raise Failure(f"No {count} ports are free from {_PORTS.start} to {_PORTS.stop - 1}.")
