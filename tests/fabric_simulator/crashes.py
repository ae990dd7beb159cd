"""Schedules by seed, in virtual time: a worker that anchors a log dies at any step, and so does any node.

A run plays one schedule to its end, and what it then finds wrong is an AssertionError. By the thousand, where a failure
names its seed: python -m tests.fabric_simulator.crashes 10000, or some of them: ... crashes 10000 --from 7500
"""

import asyncio
import logging
from argparse import ArgumentParser
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any, TypeVar

import structlog

from adapters.outbound.fabric.gateway.errors import EventsError
from adapters.outbound.fabric.gateway.events import Checkpoint, Event
from adapters.outbound.fabric.gateway.gateway import Contract, Gateway
from adapters.outbound.fabric.gateway.gateway import Limits as ClientLimits
from adapters.outbound.fabric.gateway.identity import Identity
from adapters.outbound.fabric.gateway.transport import Transport
from adapters.outbound.fabric.ledger import FabricLedger, Patience
from adapters.outbound.x509 import check_endorsement
from core.log.trust import LedgerTrust
from ports.attempts import Attempt, Attempts
from ports.ledger import Anchored, CommitUnknown, LedgerBusy, LedgerUnavailable, Submission
from tests.contracts.ledger import HONEST, ORIGIN, SampleLog
from tests.fabric_simulator.anchored import Watch, require_sound
from tests.fabric_simulator.channel import Limits
from tests.fabric_simulator.identities import sign_with
from tests.fabric_simulator.makers import witness
from tests.fabric_simulator.network import MemoryNetwork, Shape
from tests.fabric_simulator.virtual_time import run_virtual, virtual_now
from tests.support.attempts import MemoryAttempts

T = TypeVar("T")

FIRST, FINAL = 1, 3
"""The log's size when it begins, and when it has grown up."""

LONGEST_SECONDS = 30.0
"""Virtual; troubles end long before, and then everything has to come to its end."""

STEPS = ("head", "unsettled", "newest", "endorse", "keep", "submit", "status", "settle", "evidence", "store", "effect")
LABELS = frozenset(f"{when} {step}" for step in STEPS for when in ("before", "after"))
_METHODS = {"Evaluate": "head", "Endorse": "endorse", "Submit": "submit", "CommitStatus": "status"}
_NODES = ("orderer", "org1.peer", "org2.peer", "org1.chaincode", "org2.chaincode")
_IMPATIENT = ClientLimits(evaluate_seconds=1, endorse_seconds=2, submit_seconds=1, commit_seconds=2)
_PATIENCE = Patience(asked_first_seconds=0.3, commit_seconds=1.5, sendings=2)
_DATABASE_SECONDS = 0.002
_RESTORED = SampleLog(forked_at=0)
"""The log of somebody whose database was restored, and who went on with other records."""


class Crashed(BaseException):
    """The process ended here; nothing catches it."""


@dataclass(slots=True)
class Life:
    """One run of a process, which ends at a step by its number (None: it lives on)."""

    last_step: int | None
    reached: str = ""
    stage: str = ""
    """What the transport's calls are for, where the method does not say it."""

    def step(self, label: str) -> None:
        """Raises Crashed at the last step, and at every one after it."""
        if self.last_step is not None:
            self.last_step -= 1
            if self.last_step < 0:
                self.reached = self.reached or label
                raise Crashed


@dataclass(frozen=True, slots=True)
class _Carrier:
    """Implements Transport, in a process that may die before and after each call."""

    transport: Transport
    life: Life

    async def call(self, method: str, request: bytes, *, timeout_seconds: float) -> bytes:
        step = self.life.stage or _METHODS[method]
        self.life.step(f"before {step}")
        answer = await self.transport.call(method, request, timeout_seconds=timeout_seconds)
        self.life.step(f"after {step}")
        return answer

    def stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        return self.transport.stream(method, request)

    async def close(self) -> None:
        await self.transport.close()


@dataclass(frozen=True, slots=True)
class _Kept:
    """Implements Attempts as a database that takes its time, in a process that may die before and after each call."""

    attempts: Attempts
    life: Life

    async def newest(self, round: bytes) -> Attempt | None:
        return await self._called("newest", self.attempts.newest(round))

    async def unsettled(self) -> Sequence[Attempt]:
        return await self._called("unsettled", self.attempts.unsettled())

    async def keep(self, attempt: Attempt) -> Attempt:
        return await self._called("keep", self.attempts.keep(attempt))

    async def settle(self, attempt: Attempt, outcome: int) -> None:
        await self._called("settle", self.attempts.settle(attempt, outcome))

    async def _called(self, step: str, call: Coroutine[Any, Any, T]) -> T:
        try:
            self.life.step(f"before {step}")
            await asyncio.sleep(_DATABASE_SECONDS)
            found = await call
            self.life.step(f"after {step}")
            return found
        finally:
            call.close()


@dataclass(slots=True)
class Store:
    """What a database keeps, whoever dies: attempts, what was answered, evidence, and what came of events."""

    attempts: Attempts = field(default_factory=MemoryAttempts)
    anchored: set[int] = field(default_factory=set)
    evidence: dict[int, object] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)
    position: Checkpoint = field(default_factory=lambda: Checkpoint(block_number=0))


def consume(store: Store, life: Life, event: Event) -> None:
    """The effect of an event and where the consumer stands: one transaction."""
    life.step("before effect")
    store.effects.append(event.transaction_id)
    store.position = event.checkpoint
    life.step("after effect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What runs: the parts that a planted bug may take the place of."""

    ledger: type[FabricLedger] = FabricLedger
    attempts: Callable[[], Attempts] = MemoryAttempts
    consume: Callable[[Store, Life, Event], None] = consume


@dataclass(slots=True)
class World:
    """One schedule: a network, a database, and whoever works on them."""

    network: MemoryNetwork
    made: Made
    rng: Random
    store: Store
    watch: Watch
    crashes: Counter[str] = field(default_factory=Counter)
    calm: bool = False
    """Nothing happens any more that should not."""

    @property
    def trust(self) -> LedgerTrust:
        network = self.network
        roots = {peer.msp_id: (network.root(peer.msp_id).decode(),) for peer in network.peers}
        return LedgerTrust(channel=network.channel, contract=network.chaincode, k=len(roots), organisations=roots)

    @property
    def done(self) -> bool:
        """Everything is anchored and vouched for, and every event of it has had its effect."""
        return FINAL in self.store.evidence and len(self.store.effects) >= self.watch.events()

    def life(self) -> Life:
        return Life(None if self.calm or self.rng.random() < 0.3 else self.rng.randrange(25))

    def contract(self, life: Life, organisation: int = 1) -> Contract:
        member = self.network.identity(f"Org{organisation}MSP")
        identity = Identity(msp_id=member.msp_id, certificate=member.certificate)
        carrier = _Carrier(self.network.transport(f"org{organisation}.peer"), life)
        sign = sign_with(member.private_key)
        gateway = Gateway(carrier, identity, sign, limits=_IMPATIENT, now=virtual_now)
        return gateway.contract(self.network.channel, self.network.chaincode)

    def ledger(self, life: Life, attempts: Attempts, organisation: int = 1) -> FabricLedger:
        contract = self.contract(life, organisation)
        secret = bytes([organisation]) * 32
        kept = _Kept(attempts, life)
        return self.made.ledger(contract, kept, self.trust, secret, check_endorsement, patience=_PATIENCE)

    async def lives(self, work: Callable[[Life], Any]) -> None:
        """A process that is started again whenever it dies."""
        while not self.done:
            life = self.life()
            with suppress(Crashed):
                await work(life)
            self.crashes[life.reached] += 1
            await asyncio.sleep(0.05)


async def anchors(world: World, life: Life) -> None:
    """The worker: brings the newest size, notes what it is told, and gets the evidence for it."""
    ledger = world.ledger(life, world.store.attempts)
    while not world.done:
        try:
            await _anchor(world, life, ledger)
        except (LedgerBusy, LedgerUnavailable, CommitUnknown):
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.05)


async def _anchor(world: World, life: Life, ledger: FabricLedger) -> None:
    size = _grown()
    if size not in world.store.anchored:
        head = await ledger.head(ORIGIN)
        assert head is not None
        answers = await ledger.submit([_submission(size, min(head.size, size))])
        world.store.anchored |= {each.size for each in answers if isinstance(each, Anchored)}
    for anchored in sorted(world.store.anchored - world.store.evidence.keys()):
        life.stage = "evidence"
        evidence = await ledger.evidence(ORIGIN, anchored)
        life.stage = ""
        assert evidence is not None, f"what was anchored at {anchored} leaves is lost"
        life.step("before store")
        world.store.evidence[anchored] = evidence
        life.step("after store")


async def listens(world: World, life: Life) -> None:
    """The consumer of the contract's events."""
    contract = world.contract(life)
    with suppress(EventsError):
        async for event in contract.follow(world.store.position):
            world.made.consume(world.store, life, event)


async def disturbs(world: World) -> None:
    """Whoever brings what must not be taken: an older checkpoint, and another tree."""
    ledger = world.ledger(Life(None), MemoryAttempts(), organisation=2)
    while not world.done:
        await asyncio.sleep(world.rng.random())
        size, log = world.rng.randint(1, FINAL), world.rng.choice([HONEST, _RESTORED])
        with suppress(LedgerBusy, LedgerUnavailable, CommitUnknown):
            await ledger.submit([_submission(size, world.rng.randrange(size), log)])


async def troubles(world: World) -> None:
    """One node after another is killed, or stands still, for a while."""
    network, rng = world.network, world.rng
    for _trouble in range(rng.randrange(4)):
        await asyncio.sleep(rng.random() / 2)
        name = rng.choice(_NODES)
        if rng.random() < 0.6:
            if rng.random() < 0.5:
                network.lose_acknowledged()
                await asyncio.sleep(rng.random() / 2)
            await network.kill(name)
            await asyncio.sleep(rng.random())
            await network.restart(name)
        else:
            await network.freeze(name)
            await asyncio.sleep(rng.random() * 2)
            await network.thaw(name)
    await network.kill("orderer")
    await network.restart("orderer")
    world.calm = True


def _grown() -> int:
    """The log has another leaf every third of a second."""
    return min(FIRST + int(asyncio.get_running_loop().time() * 3), FINAL)


@cache
def _submission(size: int, old_size: int, log: SampleLog = HONEST) -> Submission:
    return log.submission(size, old_size)


async def _played(seed: int, made: Made) -> Counter[str]:
    rng = Random(seed)
    limits = Limits(batch_timeout_seconds=0.1, max_message_count=3, gossip_expiry_seconds=1)
    async with MemoryNetwork(witness("v3.1.5"), Shape(limits=limits), virtual_now) as network:
        network.rng.seed(seed)
        alone = rng.random() < 0.7
        world = World(network, made, rng, Store(made.attempts()), Watch(network, alone=alone))
        await _begin(world)
        work = [
            *(world.lives(lambda life: anchors(world, life)) for _worker in range(1 if alone else 2)),
            troubles(world),
        ]
        if rng.random() < 0.4:
            work.append(disturbs(world))
        listening = asyncio.create_task(world.lives(lambda life: listens(world, life)))
        ended = await _within(LONGEST_SECONDS, work)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await require_sound(world.watch, world.store.anchored | {FIRST}, world.store.effects)
        assert ended, "nothing is wrong, but it does not come to its end"
        return world.crashes


async def _begin(world: World) -> None:
    """The log is registered and has its first checkpoint."""
    contract = world.contract(Life(None))
    ledger = FabricLedger(contract, MemoryAttempts(), world.trust, bytes(32), check_endorsement)
    await ledger.register(ORIGIN, str(HONEST.key))
    await ledger.submit([_submission(FIRST, 0)])
    world.watch.begin()


async def _within(seconds: float, work: Sequence[Coroutine[Any, Any, None]]) -> bool:
    """Whether it is all done by then."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*work)
    except TimeoutError:
        return False
    return True


def play(seed: int, made: Made | None = None) -> Counter[str]:
    """Where processes died; raises AssertionError, which names the seed, for whatever is wrong in the end."""
    try:
        return run_virtual(_played(seed, made or Made()))
    except BaseException as error:
        error.add_note(f"crash schedule with seed {seed}")
        raise


def main(seeds: range) -> None:
    """Plays these, and says so."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    crashes: Counter[str] = Counter()
    for seed in seeds:
        crashes += play(seed)
    del crashes[""]
    missed = f", none {', none '.join(sorted(LABELS - crashes.keys()))}" if LABELS - crashes.keys() else ""
    print(f"{len(seeds)} schedules, {crashes.total()} crashes{missed}: nothing lost, nothing double, no fork.")


if __name__ == "__main__":
    asked = ArgumentParser(prog="crashes", description="Play crash schedules of the ledger on Fabric in virtual time.")
    asked.add_argument("to", type=int, help="seeds below this one are played")
    asked.add_argument("--from", type=int, default=0, dest="first", help="and no seed below this one (default: 0)")
    wanted = asked.parse_args()
    main(range(wanted.first, wanted.to))
