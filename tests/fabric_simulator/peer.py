"""A peer: endorses, pulls blocks from the orderer, judges and commits them, and says what it has committed."""

import asyncio
from dataclasses import dataclass

from tests.fabric_simulator.chaincode_side import ChaincodeNode
from tests.fabric_simulator.channel import Channel
from tests.fabric_simulator.endorser import Endorser
from tests.fabric_simulator.messages import Version
from tests.fabric_simulator.node import Node, Now
from tests.fabric_simulator.orderer import Orderer
from tests.fabric_simulator.policies import UndecodablePolicy
from tests.fabric_simulator.rwset import LIFECYCLE, definition_key
from tests.fabric_simulator.state import Block, Held, Replica
from tests.fabric_simulator.validation import apply, judge, tx_id_of
from tests.support.networks import Member


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Who a peer is, on which channel, with which chaincode."""

    member: Member
    channel: Channel
    chaincode: ChaincodeNode


class Peer(Node):
    """One organisation's peer. `founding` is how many blocks come before the first transaction."""

    def __init__(self, name: str, seat: Seat, orderer: Orderer, *, founding: int, now: Now) -> None:
        super().__init__(name, now)
        self.msp_id = seat.member.msp_id
        self.address = name
        self.replica = Replica()
        self.chaincode = seat.chaincode
        self.endorser = Endorser(seat.member, seat.channel, self.replica, seat.chaincode, self.now)
        self.silent_since: float | None = None
        """Loop time since when the others hear nothing of it."""

        self._orderer, self._channel, self._founding = orderer, seat.channel, founding
        self._keeping_up = asyncio.Event()
        self._keeping_up.set()

    def start(self) -> None:
        """Begins to pull blocks."""
        self.background(self._follow())

    def lag(self) -> None:
        """Answers, and commits nothing any more."""
        self._keeping_up.clear()

    def catch_up(self) -> None:
        self._keeping_up.set()

    def freeze(self) -> None:
        self.silent_since = asyncio.get_running_loop().time()
        super().freeze()

    def thaw(self) -> None:
        self.silent_since = None
        super().thaw()

    async def kill(self) -> None:
        self.silent_since = asyncio.get_running_loop().time()
        await super().kill()
        await self.chaincode.close()

    def revive(self) -> None:
        self.silent_since = None
        super().revive()
        self.start()

    async def _follow(self) -> None:
        while True:
            block = await self._orderer.block(self.replica.ledger.height)
            await self._keeping_up.wait()
            await self.awake()
            try:
                await self._commit(block)
            except UndecodablePolicy:
                # A real peer, too, processes nothing on the channel from here on.
                return

    async def _commit(self, block: Block) -> None:
        """All or nothing: a kill finds a block committed or not."""
        replica = self.replica
        if block.number < self._founding:
            self._found(block)
            return
        judged = judge(self._channel, replica.state, replica.ledger, block.envelopes)
        async with replica.state.committing():
            codes = apply(replica.state, block.number, judged)
            replica.ledger.append(block.judged(codes), [tx_id_of(envelope) for envelope in block.envelopes])

    def _found(self, block: Block) -> None:
        """The last of the first blocks commits the chaincode's definition."""
        if block.number == self._founding - 1:
            held = Held(value=b"\x08\x01", version=Version(block_num=block.number, tx_num=0))
            self.replica.state.put(LIFECYCLE, definition_key(self._channel.chaincode), held)
        self.replica.ledger.append(block.judged(bytes(len(block.envelopes))), [""] * len(block.envelopes))
