"""What anchoring costs on the chain, in the bytes of real blocks: it follows the time and not the number of records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from adapters.outbound.fabric.ledger import FabricLedger
from core.log.checkpoints import Checkpoint
from core.log.merkle import join, leaf_hash, node_hash, spans
from ports.ledger import Anchored
from shared.protowire import decode
from tests.contracts.ledger import SampleLog
from tests.fabric_simulator.blocks import Block, Chain
from tests.support.attempts import MemoryAttempts
from tests.support.fabric_backends import Ledgers

RecordProperty = Callable[[str, object], None]

RATES = (1, 10, 100, 1_000)
"""Records a second, in one log."""

INTERVAL_SECONDS, DAY_SECONDS = 10, 86_400
HOURS = (0.5, 3, 7, 11, 15, 19, 23.5)
"""When in the log's first day an anchor is measured."""

MOST_BYTES = 6_000
"""Of one log and one anchor."""

SPREAD = 0.15
TOGETHER = 10
"""So many logs in one transaction."""


class Uniform(SampleLog):
    """A log of equal leaves: at any size its hashes are known at once."""

    def hash_at(self, level: int, index: int) -> bytes:
        return _complete(level)

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(origin=self.origin, size=size, root=join([_complete(level) for level, _ in spans(0, size)]))


@cache
def _complete(level: int) -> bytes:
    if level == 0:
        return leaf_hash(b"a record")
    below = _complete(level - 1)
    return node_hash(below, below)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of the anchors that were measured, each a transaction: bytes of its block, and by how much the logs had grown."""

    bytes_each: Sequence[int]
    records_each: Sequence[int]

    @property
    def bytes_per_day(self) -> float:
        return sum(self.bytes_each) / len(self.bytes_each) * DAY_SECONDS / INTERVAL_SECONDS


async def cost_of(rate: int, ledger: FabricLedger, chain: Chain) -> Cost:
    """A day of a log that grows at this rate and is anchored every ten seconds, measured here and there."""
    log = Uniform(origin=f"concordat.test/rate-{rate}/1")
    await ledger.register(log.origin, str(log.key))
    sizes, records, held = [], [], 0
    for hour in HOURS:
        before = int(hour * 3600 * rate)
        await _anchored(ledger, log, before, held)
        held = before + INTERVAL_SECONDS * rate
        height = await chain.height()
        await _anchored(ledger, log, held, before)
        assert await chain.height() == height + 1
        block = await chain.block(height)
        assert [len(decode(Block, block).envelopes), decode(Block, block).codes] == [1, b"\0"]
        sizes.append(len(block))
        records.append(held - before)
    return Cost(sizes, records)


async def _anchored(ledger: FabricLedger, log: SampleLog, size: int, old_size: int) -> None:
    assert await ledger.submit([log.submission(size, old_size)]) == [Anchored(origin=log.origin, size=size)]


def uneven(costs: Sequence[float]) -> bool:
    """Does any differ by more than the spread from the middle of them?"""
    middle = sum(costs) / len(costs)
    return any(abs(cost - middle) > SPREAD * middle for cost in costs)


async def test_bytes_per_day_are_the_same_from_one_to_a_thousand_records_a_second(
    ledgers: Ledgers, record_property: RecordProperty
) -> None:
    ledger, chain = await _on(ledgers)
    costs = {rate: await cost_of(rate, ledger, chain) for rate in RATES}
    for rate, cost in costs.items():
        told = f"{cost.bytes_per_day / 1e6:.1f} MB a day, at most {max(cost.bytes_each)} bytes an anchor"
        print(f"{ledgers.network.version}, {rate} records/s: {told}")
        record_property(f"{rate} records/s", told)
    assert not uneven([cost.bytes_per_day for cost in costs.values()])
    assert max(size for cost in costs.values() for size in cost.bytes_each) <= MOST_BYTES
    fastest = costs[RATES[-1]]
    assert sum(fastest.records_each) / len(fastest.bytes_each) == 10_000


async def test_logs_that_are_anchored_together_cost_less_each(
    ledgers: Ledgers, record_property: RecordProperty
) -> None:
    ledger, chain = await _on(ledgers)
    logs = [Uniform(origin=f"concordat.test/club-{number}/1") for number in range(TOGETHER)]
    for log in logs:
        await ledger.register(log.origin, str(log.key))
    first, then = 40_000_000, 40_010_000
    await ledger.submit([log.submission(first) for log in logs])
    height = await chain.height()
    answers = await ledger.submit([log.submission(then, first) for log in logs])
    assert answers == [Anchored(origin=log.origin, size=then) for log in logs]
    assert await chain.height() == height + 1
    each = len(await chain.block(height)) / TOGETHER
    print(f"{ledgers.network.version}, {TOGETHER} logs together: {each:.0f} bytes each")
    record_property(f"{TOGETHER} logs together", f"{each:.0f} bytes each")
    assert each < MOST_BYTES / 2


def test_a_cost_that_grows_with_the_records_is_uneven() -> None:
    per_record, per_anchor = 40, 5_000
    assert uneven([per_anchor + per_record * rate * INTERVAL_SECONDS for rate in RATES])
    assert not uneven([per_anchor + 46 * (rate * DAY_SECONDS).bit_length() for rate in RATES])


async def _on(ledgers: Ledgers) -> tuple[FabricLedger, Chain]:
    gateway = await ledgers.gateway()
    return await ledgers.make(MemoryAttempts(), gateway), Chain(ledgers.network, gateway)
