"""The ledger while nodes die or stand still, rivals come in between, or its own settings are wrong; on all networks."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import pytest
from cryptography import x509

from adapters.outbound.fabric.faults import REMEDIES
from adapters.outbound.fabric.gateway.errors import VALID, Fault, TransportError
from adapters.outbound.fabric.gateway.gateway import Gateway
from adapters.outbound.fabric.gateway.messages import EndorseResponse, Envelope
from adapters.outbound.fabric.gateway.transport import Transport
from adapters.outbound.fabric.ledger import FabricLedger, Patience
from ports.attempts import REFUSED
from ports.ledger import (
    Anchored,
    CommitUnknown,
    Ledger,
    LedgerBusy,
    LedgerRejected,
    LedgerUnavailable,
    Submission,
)
from shared.protowire import decode, encode
from tests.contracts.ledger import HONEST, ORIGIN, OTHER, SUMMIT, SampleLog
from tests.fabric_simulator.identities import Authority
from tests.fabric_simulator.tampering import with_channel_header
from tests.support.attempts import MemoryAttempts
from tests.support.fabric_backends import Ledgers
from tests.support.lagging import comes_to
from tests.support.networks import Network

MVCC_READ_CONFLICT = 11
HASTY = Patience(asked_first_seconds=0.1, commit_seconds=0.3, sendings=2)
STUBBORN = Patience(asked_first_seconds=0.2, commit_seconds=0.5, sendings=40)
FIVE = Anchored(origin=ORIGIN, size=5)
EIGHT = Anchored(origin=ORIGIN, size=8)

Deed = Callable[[], Awaitable[None]]


class Killed(Exception):
    """The worker's process ended here."""


@dataclass(slots=True)
class Interrupted:
    """Implements Transport; does something once, before or after the first call of a method."""

    transport: Transport
    before: dict[str, Deed] = field(default_factory=dict)
    after: dict[str, Deed] = field(default_factory=dict)

    async def call(self, method: str, request: bytes, *, timeout_seconds: float) -> bytes:
        if method in self.before:
            await self.before.pop(method)()
        answer = await self.transport.call(method, request, timeout_seconds=timeout_seconds)
        if method in self.after:
            await self.after.pop(method)()
        return answer

    def stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        return self.transport.stream(method, request)

    async def close(self) -> None:
        await self.transport.close()


class Swapping(Interrupted):
    """A gateway peer that answers with the endorsed transaction under another id, which a ledger would wait for."""

    async def call(self, method: str, request: bytes, *, timeout_seconds: float) -> bytes:
        answer = await self.transport.call(method, request, timeout_seconds=timeout_seconds)
        if method != "Endorse":
            return answer
        payload = (decode(EndorseResponse, answer).prepared_transaction or Envelope()).payload
        other = with_channel_header(payload, lambda header: replace(header, tx_id="0" * 64))
        return encode(EndorseResponse(prepared_transaction=Envelope(payload=other)))


@dataclass(slots=True)
class Scene:
    """A network whose ledger knows two logs, and one database."""

    network: Network
    ledgers: Ledgers
    attempts: MemoryAttempts = field(default_factory=MemoryAttempts)

    async def ledger(
        self, *, before_submit: Deed | None = None, after_submit: Deed | None = None, patience: Patience = STUBBORN
    ) -> FabricLedger:
        """Another worker on the database."""
        return await self.with_gateway(await self.ledgers.gateway(), before_submit, after_submit, patience)

    async def with_gateway(
        self, gateway: Gateway, before: Deed | None = None, after: Deed | None = None, patience: Patience = STUBBORN
    ) -> FabricLedger:
        gateway.transport = Interrupted(
            gateway.transport, {"Submit": before} if before else {}, {"Submit": after} if after else {}
        )
        return await self.ledgers.make(self.attempts, gateway, patience=patience)

    @property
    def outcomes(self) -> list[int | None]:
        """Of all attempts in the database."""
        return [attempt.outcome for attempt in self.attempts.kept.values()]


@pytest.fixture
async def scene(network: Network, ledgers: Ledgers) -> Scene:
    scene = Scene(network, ledgers)
    # By another deployment, so that what the database keeps is what the test makes it keep.
    ledger = await ledgers.make(MemoryAttempts())
    await ledger.register(ORIGIN, str(HONEST.key))
    await ledger.register(OTHER, str(SUMMIT.key))
    return scene


async def test_what_an_orderer_acknowledged_before_it_was_killed_is_sent_again_and_commits_once(scene: Scene) -> None:
    async def kill() -> None:
        await scene.network.kill("orderer")

    ledger = await scene.ledger(after_submit=kill)
    submitting = asyncio.create_task(ledger.submit([HONEST.submission(5)]))
    # Long enough for the worker to ask in vain, and to send it to nobody.
    await asyncio.sleep(0.7)
    await scene.network.restart("orderer")
    assert await submitting == [FIVE]
    assert scene.outcomes == [VALID]
    another = await scene.ledger()
    await comes_to(lambda: another.head(ORIGIN), HONEST.head(5))


async def test_a_commit_that_nobody_knows_of_is_settled_by_the_next_submit(scene: Scene) -> None:
    async def freeze() -> None:
        await scene.network.freeze("orderer")

    gateway = await scene.ledgers.gateway()
    gateway.limits = replace(gateway.limits, submit_seconds=0.3)
    ledger = await scene.with_gateway(gateway, freeze, patience=HASTY)
    with pytest.raises(CommitUnknown) as unknown:
        await ledger.submit([HONEST.submission(5)])
    (attempt,) = scene.attempts.kept.values()
    assert (unknown.value.parameters["tx_id"], attempt.outcome) == (attempt.tx_id, None)
    await scene.network.thaw("orderer")
    assert await (await scene.ledger()).submit([HONEST.submission(8, 5)]) == [EIGHT]
    assert scene.outcomes == [VALID, VALID]


async def test_what_keeps_a_worker_from_a_peer_is_no_refusal_of_what_the_orderer_has_already(scene: Scene) -> None:
    async def fail(text: str) -> None:
        raise TransportError("UNAVAILABLE", text)

    async def part() -> None:
        # Our own peer goes away, and the next one's roots are not those of the profile.
        transport = gateway.transport
        assert isinstance(transport, Interrupted)
        transport.before["CommitStatus"] = partial(fail, "Socket closed")
        transport.before["Submit"] = partial(fail, "Tls handshake failed: SSL_ERROR_SSL: CERTIFICATE_VERIFY_FAILED")

    gateway = await scene.ledgers.gateway()
    ledger = await scene.with_gateway(gateway, after=part)
    assert await ledger.submit([HONEST.submission(5)]) == [FIVE]
    assert scene.outcomes == [VALID]


async def test_a_gateway_peer_that_gives_out_another_transaction_leaves_nothing_that_is_waited_for(
    scene: Scene,
) -> None:
    gateway = await scene.ledgers.gateway()
    gateway.transport = Swapping(gateway.transport)
    deceived = await scene.with_gateway(gateway, patience=HASTY)
    with pytest.raises(LedgerUnavailable):
        await deceived.submit([HONEST.submission(5)])
    assert scene.outcomes == []
    assert await (await scene.ledger(patience=HASTY)).submit([HONEST.submission(5)]) == [FIVE]


async def test_a_worker_that_was_killed_before_it_sent_what_it_had_kept_is_followed_by_one_that_sends_it(
    scene: Scene,
) -> None:
    async def die() -> None:
        raise Killed

    ledger = await scene.ledger(before_submit=die)
    with pytest.raises(Killed):
        await ledger.submit([HONEST.submission(5)])
    assert scene.outcomes == [None]
    assert await (await scene.ledger()).submit([HONEST.submission(8, 5)]) == [EIGHT]
    assert scene.outcomes == [VALID, VALID]


@pytest.mark.parametrize("name", ["org1.peer", "org2.peer"])
async def test_without_a_peer_that_has_to_endorse_nothing_is_kept_and_with_it_again_all_goes_on(
    scene: Scene, name: str
) -> None:
    ledger = await scene.ledger()
    await scene.network.kill(name)
    with pytest.raises((LedgerBusy, LedgerUnavailable)) as refused:
        await ledger.submit([HONEST.submission(5)])
    assert refused.value.parameters["fault"] in {Fault.NOT_READY, Fault.UNAVAILABLE}
    assert scene.attempts.kept == {}
    await scene.network.restart(name)
    assert await _in_the_end(ledger, HONEST.submission(5)) == FIVE
    assert scene.outcomes == [VALID]


async def test_two_workers_with_the_same_round_make_one_transaction(scene: Scene) -> None:
    workers = [await scene.ledger(), await scene.ledger()]
    answers = await asyncio.gather(*(worker.submit([HONEST.submission(5)]) for worker in workers))
    assert answers == [[FIVE], [FIVE]]
    assert scene.outcomes == [VALID]


async def test_of_two_workers_with_different_rounds_the_lower_one_loses_or_comes_first(scene: Scene) -> None:
    workers = [await scene.ledger(), await scene.ledger()]
    await workers[0].submit([HONEST.submission(5)])
    rounds = [HONEST.submission(8, 5), HONEST.submission(9, 5)]
    told = await asyncio.gather(
        *(worker.submit([one]) for worker, one in zip(workers, rounds, strict=True)), return_exceptions=True
    )
    lower, higher = (_reason(each) for each in told)
    assert (lower, higher) in {(8, "wrong-old-size"), ("stale", 9)}
    head = await workers[1].head(ORIGIN)
    assert head == HONEST.head(8 if lower == 8 else 9)
    assert await workers[1].submit([HONEST.submission(9, head.size)]) == [Anchored(origin=ORIGIN, size=9)]
    assert None not in scene.outcomes


async def test_what_is_void_since_another_came_first_is_tried_once_more_for_what_is_left_of_it(scene: Scene) -> None:
    rival = await scene.ledgers.make(MemoryAttempts(), await scene.ledgers.gateway(scene.network.identity("Org2MSP")))

    async def come_first() -> None:
        await rival.submit([SUMMIT.submission(2)])

    ledger = await scene.ledger(before_submit=come_first)
    answers = await ledger.submit([HONEST.submission(5), SUMMIT.submission(2)])
    assert answers == [FIVE, Anchored(origin=OTHER, size=2)]
    assert scene.outcomes == [MVCC_READ_CONFLICT, VALID]
    first, second = scene.attempts.kept.values()
    assert (first.round, first.number, second.number) == (second.round, 0, 1)


async def test_of_two_keys_for_a_log_at_once_the_second_is_refused(scene: Scene) -> None:
    log = SampleLog(origin="concordat.test/meadow/1")
    rival = await scene.ledgers.make(MemoryAttempts())

    async def come_first() -> None:
        await rival.register(log.origin, str(log.key))

    ledger = await scene.ledger(before_submit=come_first)
    with pytest.raises(LedgerRejected) as refused:
        await ledger.register(log.origin, str(replace(log, seed=bytes([9]) * 32).key))
    assert refused.value.parameters["reason"] == "other-key"


async def test_a_database_that_forgot_what_it_sent_is_told_that_it_is_held(scene: Scene) -> None:
    await (await scene.ledger()).submit([HONEST.submission(5)])
    scene.attempts.kept.clear()
    assert await (await scene.ledger()).submit([HONEST.submission(5)]) == [FIVE]
    assert scene.attempts.kept == {}


async def test_what_was_signed_by_an_identity_that_has_expired_is_refused_for_good_and_signed_by_another(
    scene: Scene,
) -> None:
    # Good until a whole second, long enough to endorse.
    brief = scene.network.enroll("Org1MSP", lifetime=timedelta(seconds=2.5))
    ends = x509.load_pem_x509_certificate(brief.certificate).not_valid_after_utc.timestamp()

    async def expire() -> None:
        await asyncio.sleep(ends + 0.1 - time.time())

    ledger = await scene.with_gateway(await scene.ledgers.gateway(brief), expire)
    await _is_refused(ledger.submit([HONEST.submission(5)]), Fault.ACCESS_DENIED)
    assert scene.outcomes == [REFUSED]
    assert await (await scene.ledger()).submit([HONEST.submission(5)]) == [FIVE]
    assert scene.outcomes == [REFUSED, VALID]


async def test_an_identity_that_the_channel_does_not_know_is_named(scene: Scene) -> None:
    own = scene.network.identity("Org1MSP")
    strangers = [
        Authority("stranger", Random(1), datetime.now(UTC)).member("Org1MSP"),
        replace(own, msp_id="NobodyMSP"),
        scene.network.enroll("Org1MSP", lifetime=timedelta(minutes=-10)),
    ]
    for stranger in strangers:
        ledger = await scene.with_gateway(await scene.ledgers.gateway(stranger))
        await _is_refused(ledger.submit([HONEST.submission(5)]), Fault.ACCESS_DENIED)


async def test_peers_of_another_authority_are_not_trusted(scene: Scene) -> None:
    gateway = await scene.ledgers.gateway(roots=scene.network.root("Org1MSP"))
    ledger = await scene.with_gateway(gateway)
    for use in (ledger.submit([HONEST.submission(5)]), ledger.check()):
        await _is_refused(use, Fault.CONFIGURATION)


async def test_a_channel_that_the_peers_do_not_know_is_named(scene: Scene) -> None:
    ledger = await scene.ledgers.make(scene.attempts, channel="nowhere")
    for use in (ledger.submit([HONEST.submission(5)]), ledger.check()):
        await _is_refused(use, Fault.CONFIGURATION)


async def test_a_clock_that_is_wrong_is_named_where_peers_look_at_it(scene: Scene) -> None:
    gateway = await scene.ledgers.gateway()
    gateway.now = lambda: time.time_ns() - 16 * 60 * 1_000_000_000
    ledger = await scene.with_gateway(gateway)
    if scene.network.version.startswith("v2."):
        assert await ledger.submit([HONEST.submission(5)]) == [FIVE]
    else:
        for use in (ledger.submit([HONEST.submission(5)]), ledger.check()):
            await _is_refused(
                use, Fault.CLOCK_SKEW, r"this machine's clock is 9[56]\d s behind the peer's: set the clock"
            )


async def _is_refused(use: Awaitable[object], fault: Fault, remedy: str | None = None) -> None:
    """The error says what is wrong, and what to do: `remedy`, a pattern, else what belongs to the fault."""
    with pytest.raises(LedgerUnavailable) as refused:
        await use
    said = refused.value.parameters
    assert said["fault"] == fault
    assert re.fullmatch(remedy or re.escape(REMEDIES[fault]), str(said["remedy"]))


async def _in_the_end(ledger: Ledger, submission: Submission) -> object:
    """What it comes to, once the network is whole again."""
    for _try in range(200):
        try:
            return (await ledger.submit([submission]))[0]
        except (LedgerBusy, LedgerUnavailable):
            await asyncio.sleep(0.1)
    raise AssertionError("the network did not become whole")


def _reason(told: object) -> object:
    """The size, or why not."""
    if isinstance(told, BaseException):
        raise told
    assert isinstance(told, list)
    return told[0].parameters["reason"] if isinstance(told[0], LedgerRejected) else told[0].size
