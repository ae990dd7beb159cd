"""Blocks as Fabric writes them, and how a client asks a real peer for one.

Source: hyperledger/fabric-protos, common/common.proto and common/ledger.proto.
"""

from dataclasses import dataclass
from typing import Annotated

from adapters.outbound.fabric.gateway.gateway import Gateway
from shared.protowire import decode, encode
from tests.fabric_simulator import state
from tests.fabric_simulator.network import MemoryNetwork
from tests.support.networks import Network

SIGNATURES, TRANSACTIONS_FILTER = 0, 2
"""Places in a block's metadata."""

_QUERIES = "qscc"
"""The system chaincode that answers questions about the chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockHeader:
    """Its hash, of a DER sequence of the three, is the next block's `previous_hash`."""

    number: Annotated[int, 1] = 0
    previous_hash: Annotated[bytes, 2] = b""
    data_hash: Annotated[bytes, 3] = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockData:
    """Encoded envelopes."""

    data: Annotated[tuple[bytes, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockMetadata:
    """What orderer and peer say of a block."""

    metadata: Annotated[tuple[bytes, ...], 1] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """As the orderer made it and a peer keeps it."""

    header: Annotated[BlockHeader | None, 1] = None
    data: Annotated[BlockData | None, 2] = None
    metadata: Annotated[BlockMetadata | None, 3] = None

    @property
    def envelopes(self) -> tuple[bytes, ...]:
        return () if self.data is None else self.data.data

    @property
    def codes(self) -> bytes:
        """The peer's judgement of each transaction."""
        return b"" if self.metadata is None else self.metadata.metadata[TRANSACTIONS_FILTER]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockchainInfo:
    """How long a chain is."""

    height: Annotated[int, 1] = 0


@dataclass(frozen=True, slots=True)
class Chain:
    """The blocks of a network's first peer, asked by a client."""

    network: Network
    gateway: Gateway

    async def height(self) -> int:
        if isinstance(self.network, MemoryNetwork):
            return self.network.nodes[0].replica.ledger.height
        return decode(BlockchainInfo, await self._asked("GetChainInfo")).height

    async def block(self, number: int) -> bytes:
        """Encoded. A simulated orderer signs none, so there it is shorter."""
        if isinstance(self.network, MemoryNetwork):
            return encode(_written(await self.network.nodes[0].replica.ledger.block(number)))
        return await self._asked("GetBlockByNumber", str(number))

    async def _asked(self, function: str, *arguments: str) -> bytes:
        contract = self.gateway.contract(self.network.channel, _QUERIES)
        return await contract.evaluate(function, self.network.channel, *arguments)


def _written(block: state.Block) -> Block:
    return Block(
        header=BlockHeader(number=block.number, previous_hash=block.previous_hash, data_hash=block.data_hash),
        data=BlockData(data=block.envelopes),
        metadata=BlockMetadata(metadata=(b"", b"", block.codes, b"", b"")),
    )
