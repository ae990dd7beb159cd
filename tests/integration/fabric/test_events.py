"""A consumer of the contract's events while peers die under its stream: every event has its effect, once, in order."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from adapters.outbound.fabric.gateway.errors import VALID, EventsError
from adapters.outbound.fabric.gateway.events import Checkpoint, Event
from adapters.outbound.fabric.gateway.gateway import Contract
from adapters.outbound.fabric.ledger import FabricLedger
from ports.ledger import Anchored, CommitUnknown, LedgerBusy, LedgerUnavailable
from tests.contracts.ledger import HONEST, ORIGIN
from tests.fabric_simulator.makers import witness
from tests.fabric_simulator.network import SimulatedNetwork
from tests.support.attempts import MemoryAttempts
from tests.support.fabric_backends import AT_ONCE, Ledgers, ledgers_on

LAST = 30
"""The log's size in the end: it is anchored leaf by leaf."""

KILLS = {8: "org1.peer", 16: "org2.peer", 24: "org1.peer"}
"""Which peer dies when the log is so long."""


@dataclass(slots=True)
class Consumer:
    """What came of events, and where it stands: both survive it."""

    effects: list[str] = field(default_factory=list)
    position: Checkpoint = field(default_factory=lambda: Checkpoint(block_number=0))

    async def consume(self, contract: Contract) -> None:
        """Until it is cancelled; a stream that broke off is resumed by `follow` itself."""
        with suppress(EventsError):
            async for event in contract.follow(self.position):
                self.note(event)

    def note(self, event: Event) -> None:
        self.effects.append(event.transaction_id)
        self.position = event.checkpoint


class Imprecise(Consumer):
    """Remembers the block where it stands, and not what it has seen of it."""

    def note(self, event: Event) -> None:
        self.effects.append(event.transaction_id)
        self.position = Checkpoint(block_number=event.block_number)


class Careless(Consumer):
    """Goes on with the next block, whatever was in the last one."""

    def note(self, event: Event) -> None:
        self.effects.append(event.transaction_id)
        self.position = Checkpoint(block_number=event.block_number + 2)


async def test_peers_that_are_restarted_under_a_live_stream_leave_no_gap_and_nothing_comes_twice(
    ledgers: Ledgers,
) -> None:
    consumer = Consumer()
    committed = await played(ledgers, consumer)
    assert len(committed) == 1 + LAST
    assert consumer.effects == committed


@pytest.mark.parametrize("consumer", [Imprecise(), Careless()], ids=["imprecise", "careless"])
async def test_a_consumer_that_does_not_know_where_it_stands_is_caught(consumer: Consumer) -> None:
    async with SimulatedNetwork(witness("v3.1.5"), AT_ONCE) as network, ledgers_on(network) as ledgers:
        committed = await played(ledgers, consumer, patience=10)
    assert consumer.effects != committed


async def played(ledgers: Ledgers, consumer: Consumer, *, patience: int = 400) -> list[str]:
    """The transactions that were committed, the registration first, while peers died and the consumer was restarted."""
    network, attempts = ledgers.network, MemoryAttempts()
    ledger = await ledgers.make(attempts)
    contract = (await ledgers.gateway()).contract(network.channel, network.chaincode)
    listening = asyncio.create_task(consumer.consume(contract))
    await ledger.register(ORIGIN, str(HONEST.key))
    for size in range(1, LAST + 1):
        if size in KILLS:
            await _heard(consumer, size, patience)
            await network.kill(KILLS[size])
            await network.restart(KILLS[size])
        if size == LAST // 2:
            # The consumer's own process ends, and another one begins where it stood.
            await _ended(listening)
            listening = asyncio.create_task(consumer.consume(contract))
        await _anchored(ledger, size)
    await _heard(consumer, LAST + 1, patience)
    await _ended(listening)
    return [attempt.tx_id for attempt in attempts.kept.values() if attempt.outcome == VALID]


async def _ended(listening: "asyncio.Task[None]") -> None:
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def _anchored(ledger: FabricLedger, size: int) -> None:
    for _try in range(200):
        try:
            assert await ledger.submit([HONEST.submission(size, size - 1)]) == [Anchored(origin=ORIGIN, size=size)]
            return
        except (LedgerBusy, LedgerUnavailable, CommitUnknown):
            await asyncio.sleep(0.05)
    raise AssertionError("the network did not become whole")


async def _heard(consumer: Consumer, count: int, patience: int) -> None:
    """Waits until the stream is live, and was told of what was committed; not for ever, if it leaves something out."""
    for _ in range(patience):
        if len(consumer.effects) >= count:
            return
        await asyncio.sleep(0.05)
