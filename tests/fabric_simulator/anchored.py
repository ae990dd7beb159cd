"""What must be true of a log on a simulated ledger, at every broadcast and in the end: 0 lost, 0 double, 0 fork."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from adapters.inbound.chaincode.witness.state import checkpoint_json, checkpoint_key, head_key
from adapters.outbound.fabric.gateway.messages import (
    ChaincodeActionPayload,
    ChaincodeInvocationSpec,
    ChaincodeProposalPayload,
    ChannelHeader,
    Envelope,
    Header,
    Payload,
    SignatureHeader,
    Transaction,
)
from shared.canonical import loads
from shared.protowire import decode, encode
from tests.contracts.ledger import HONEST, ORIGIN
from tests.fabric_simulator.network import MemoryNetwork
from tests.fabric_simulator.state import Block, State
from tests.fabric_simulator.validation import VALID


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction as the orderer gets it: its id, its creator, the contract's arguments, its signed bytes."""

    tx_id: str
    creator: bytes
    arguments: tuple[bytes, ...]
    signed: bytes


def sent(envelope: Envelope) -> Sent:
    """Read out of the envelope."""
    payload = decode(Payload, envelope.payload)
    header = payload.header or Header()
    acted = decode(ChaincodeActionPayload, decode(Transaction, payload.data).actions[0].payload)
    called = decode(ChaincodeInvocationSpec, decode(ChaincodeProposalPayload, acted.chaincode_proposal_payload).input)
    spec = called.chaincode_spec
    return Sent(
        tx_id=decode(ChannelHeader, header.channel_header).tx_id,
        creator=decode(SignatureHeader, header.signature_header).creator,
        arguments=() if spec is None or spec.input is None else spec.input.args,
        signed=encode(envelope),
    )


@dataclass(slots=True)
class Watch:
    """Looks at everything that reaches the orderer. `alone`: one worker at a time on the database."""

    network: MemoryNetwork
    alone: bool
    seen: dict[str, Sent] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """What was seen and must not be; whoever sent it may be dead by now, and could not fail."""

    def begin(self) -> None:
        """From now on."""
        self.network.orderer.watch = lambda envelope: self._note_what_is_wrong(sent(envelope))

    def events(self) -> int:
        """How many valid transactions the orderer's chain holds, as far as any peer has judged it."""
        return len(self.valid())

    def valid(self) -> list[Sent]:
        """They, in the order of the chain: each has an event."""
        founding = self.network.shape.organizations + 2
        blocks = max((peer.replica.ledger.blocks for peer in self.network.nodes), key=len)[founding:]
        return [one for block in blocks for one in _valid(block)]

    def _note_what_is_wrong(self, new: Sent) -> None:
        known = self.seen.setdefault(new.tx_id, new)
        if known.signed != new.signed:
            self.wrong.append(f"two transactions under the id {new.tx_id}")
        if known is not new:
            return
        for other in self.seen.values():
            same_round = other.arguments == new.arguments
            rival = other is not new and other.creator == new.creator and (self.alone or same_round)
            if rival and not self._decided(other.tx_id):
                self.wrong.append(f"a new transaction while {other.tx_id} may still commit")

    def _decided(self, tx_id: str) -> bool:
        return any(peer.replica.ledger.outcome(tx_id) is not None for peer in self.network.nodes)


def _valid(block: Block) -> list[Sent]:
    judged = zip(block.envelopes, block.codes, strict=True)
    return [_committed(envelope) for envelope, code in judged if code == VALID]


@lru_cache(256)
def _committed(envelope: bytes) -> Sent:
    """The chain is looked at again and again."""
    return sent(decode(Envelope, envelope))


async def require_sound(watch: Watch, anchored: Collection[int], effects: Sequence[str]) -> None:
    """Raises AssertionError. `anchored` are the sizes that the ledger said it holds; `effects` what came of events."""
    assert not watch.wrong, watch.wrong[0]
    network = watch.network
    last = network.orderer.chain[-1].number
    for peer in network.nodes:
        await peer.replica.ledger.block(last)
    chains = [[(block.hash, block.codes) for block in peer.replica.ledger.blocks] for peer in network.nodes]
    assert all(chain == chains[0] for chain in chains), "peers differ"
    for peer in network.nodes:
        _require_one_tree(watch, peer.replica.state, anchored)
    rounds = [(one.creator, one.arguments) for one in watch.valid()]
    assert len(rounds) == len(set(rounds)), "a round was committed twice"
    assert list(effects) == [one.tx_id for one in watch.valid()], "events were left out, or had their effect twice"


def _require_one_tree(watch: Watch, replica: State, anchored: Collection[int]) -> None:
    namespace = watch.network.chaincode
    for size in anchored:
        held = replica.get(namespace, checkpoint_key(ORIGIN, size))
        assert held is not None, f"what was anchored at {size} leaves is lost"
    for key, held in replica.range(namespace, "cp/", "cp0"):
        checkpoint = cast(Any, loads(held.value))
        assert checkpoint == checkpoint_json(HONEST.checkpoint(checkpoint["size"])), "a fork"
        assert len(replica.history(namespace, key)) == 1, f"{key} was written twice"
    heads = [cast(Any, loads(past.value))["size"] for past in reversed(replica.history(namespace, head_key(ORIGIN)))]
    assert heads == sorted(set(heads)), f"the head went back: {heads}"
