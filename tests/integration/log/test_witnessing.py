"""Operators' witnesses beside the pipeline: receipts become witnessed, and a bad witness harms nobody but itself."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.log.cosigned import joined
from app.log.witnessing import PATIENCE
from core.log.checkpoints import Checkpoint, open_checkpoint
from core.log.cosigning import AddCheckpoint
from core.log.notes import Signature, parse_note
from core.log.receipts import Assurance, State, Validity, verify_receipt
from ports.cosigners import WitnessRefused, WitnessUnavailable
from ports.ledger import LedgerUnavailable
from ports.log import StoredCosignature
from ports.witnessed import Witnessed
from tests.integration.log.witnessed import LIES, Answer, Network, down, lost, network_at
from tests.support.attested import Making, trust_in
from tests.support.organisations import Organisation
from tests.support.witnesses import cosigner, direct


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    with capture_logs():
        async with network_at(tmp_path) as network:
            yield network


async def test_a_receipt_is_witnessed_once_a_quorum_of_operators_cosigned(network: Network) -> None:
    event = await network.grown()
    assurances = [(await network.verified(event)).assurance]
    for name in ("peak", "vale"):
        await network.witness(name)
        assurances.append((await network.verified(event)).assurance)
    assert assurances == [Assurance.SELF, Assurance.SELF, Assurance.WITNESSED]
    found = await network.verified(event)
    assert (found.validity, found.state) == (Validity.VALID, State.ANCHORED)


async def test_what_the_trust_bundle_does_not_ask_for_makes_no_receipt_witnessed(network: Network) -> None:
    event = await network.grown()
    await network.witness()
    receipt = await network.world.log.receipts.get(network.scene.host, event)
    bundle, signatures = await network.world.log.trust.bundle(), network.world.system.infrastructure.signatures
    assert verify_receipt(receipt, bundle, signatures).assurance is Assurance.WITNESSED
    stranger = bundle.policy.replace(str(network.vale.key), str(cosigner("vale", seed=99).key))
    for policy in ("quorum none\n", stranger):
        found = verify_receipt(receipt, replace(bundle, policy=policy), signatures)
        assert (found.validity, found.assurance) == (Validity.VALID, Assurance.SELF)


async def test_cosignatures_join_the_published_checkpoint_over_http_and_in_the_folder(network: Network) -> None:
    await network.grown()
    await network.witness()
    await network.pipeline.sign()
    i = network.world.system.infrastructure
    for club in (network.scene.home, network.scene.host):
        origin = await network.origin(club)
        served = await network.world.log.published.checkpoint(origin)
        assert (await i.publication.get(origin, "checkpoint") or b"").decode() == served
        keys = (await network.world.log.trust.bundle()).logs[origin]
        opened = open_checkpoint(
            served, [each.key for each in keys], i.signatures.ed25519, (network.peak.key, network.vale.key)
        )
        assert {each.key for each in opened.cosigned} == {network.peak.key, network.vale.key}


async def test_all_witnesses_cosign_the_same_checkpoints_however_the_log_grows_between(network: Network) -> None:
    events = []
    for _ in range(3):
        events.append(await network.grown())
        await network.witness("peak")
        # Signed, and not anchored: the witness that comes later must not take this one instead.
        events.append(await network.grown(anchored=False))
        await network.witness("vale")
        await network.pipeline.anchor()
        await network.witness()
    sizes = {
        name: {size for size, by in await network.stored(network.scene.host) if by == name} for name in ("peak", "vale")
    }
    assert sizes["peak"] == sizes["vale"]
    for event in events:
        assert (await network.verified(event)).assurance is Assurance.WITNESSED


async def test_a_witness_that_is_down_is_asked_once_a_turn_and_delays_nobody(network: Network) -> None:
    network.spoil("peak", down)
    event = await network.grown()
    for _ in range(3):
        network.cosigners.asked.clear()
        with pytest.raises(WitnessUnavailable):
            await network.witness("peak")
        assert len(network.cosigners.asked) == 1
    await network.witness("vale")
    found = await network.verified(event)
    assert (found.state, found.assurance) == (State.ANCHORED, Assurance.SELF)
    gauges = network.gauges()
    assert (gauges["concordat_witness_up", "peak"], gauges["concordat_witness_up", "vale"]) == (False, True)
    assert gauges["concordat_witness_waiting_logs", "peak"] == 2
    network.spoil("peak", None)
    await network.witness("peak")
    assert (await network.verified(event)).assurance is Assurance.WITNESSED


async def test_a_witness_that_is_silent_about_one_log_answers_for_the_others_in_the_end(network: Network) -> None:
    await network.grown()
    home, host = [network.scene.home.of_club, network.scene.host.of_club]
    mute = await network.origin(network.scene.home)

    async def silent(request: AddCheckpoint, answer: Answer) -> str:
        if request.note.startswith(f"{mute}\n"):
            raise WitnessUnavailable(url="there", reason="silent")
        return await answer()

    network.spoil("peak", silent)
    for turn, order in enumerate(((home, host), (host, home)), 1):
        network.witnesses["peak"].waiting = dict.fromkeys(order)
        for _ in range(2):
            await network.grown()
            with pytest.raises(WitnessUnavailable):
                await network.witness("peak")
        assert len(await network.stored(network.scene.host)) == turn
        assert home in network.witnesses["peak"].waiting
    assert not await network.stored(network.scene.home)


async def test_however_much_was_cosigned_without_a_quorum_older_receipts_are_witnessed_in_the_end(
    network: Network,
) -> None:
    event = await network.grown()
    await network.witness("peak")
    ((size, _),) = await network.stored(network.scene.host)
    async with network.world.begin_log(network.scene.host) as tx:
        for key in (cosigner(f"w{n}").key for n in range(100)):
            line = str(Signature(name=key.name, key_id=key.id, data=bytes(72)))
            one = StoredCosignature(size=size, witness=str(key), line=line, at=network.world.clock())
            await tx.log.add_cosignature(one)
    assert (await network.verified(event)).assurance is Assurance.SELF
    await network.grown()
    await network.witness()
    found = await network.verified(event)
    assert (found.state, found.assurance) == (State.ANCHORED, Assurance.WITNESSED)


async def test_a_witness_that_is_down_is_not_woken_before_its_time(network: Network) -> None:
    network.spoil("peak", down)
    await network.grown()
    peak = network.witnesses["peak"]
    assert peak.wanted.is_set()
    peak.wanted.clear()
    with pytest.raises(WitnessUnavailable):
        await network.witness("peak")
    await network.grown()
    assert not peak.wanted.is_set()


async def test_an_answer_that_was_lost_is_asked_for_again(network: Network) -> None:
    network.spoil("peak", lost)
    event = await network.grown()
    for _ in range(2):
        with pytest.raises(WitnessUnavailable):
            await network.witness("peak")
        await network.grown()
    network.spoil("peak", None)
    await network.witness()
    assert (await network.verified(event)).assurance is Assurance.WITNESSED
    assert not network.witnesses["peak"].disputed


@pytest.mark.parametrize("name", LIES)
async def test_a_witness_that_lies_is_told_of_and_believed_in_nothing(network: Network, name: str) -> None:
    network.spoil("peak", LIES[name])
    event = await network.grown()
    with capture_logs() as logs:
        await network.witness()
    told = [each for each in logs if each["event"] == "witness disputes"]
    assert {each["log_level"] for each in told} == {"error"} and len(told) == 2
    assert {by for _, by in await network.stored(network.scene.host)} == {"vale"}
    found = await network.verified(event)
    assert (found.validity, found.assurance) == (Validity.VALID, Assurance.SELF)
    gauges = network.gauges()
    assert gauges["concordat_witness_disputed_logs", "peak"] == 2
    assert not network.world.system.alarms()
    network.spoil("peak", None)
    network.world.clock.forward(seconds=60)
    await network.witness()
    assert (await network.verified(event)).assurance is Assurance.WITNESSED
    assert not network.witnesses["peak"].disputed


@pytest.mark.parametrize(("hours", "said"), [(2, "yet to come"), (-2, "no such checkpoint"), (-480_000, "no such")])
async def test_a_witness_whose_clock_is_far_off_is_not_believed(network: Network, hours: int, said: str) -> None:
    network.peak = replace(network.peak, now=lambda: network.world.clock() + timedelta(hours=hours))
    network.cosigners.witnesses = {**network.cosigners.witnesses, "http://peak.test/witness": network.peak}
    await network.grown()
    await network.witness("peak")
    (dispute, _) = network.witnesses["peak"].disputed.values()
    assert said in dispute.reason
    assert not await network.stored(network.scene.host)


async def test_an_old_checkpoint_may_be_cosigned_as_late_as_its_witness_comes(network: Network) -> None:
    event = await network.grown()
    network.world.clock.forward(seconds=30 * 86400)
    network.peak, network.vale = (
        replace(each, now=network.world.clock.__call__) for each in (network.peak, network.vale)
    )
    network.cosigners.witnesses = direct(network.peak, network.vale).witnesses
    await network.witness()
    assert (await network.verified(event)).assurance is Assurance.WITNESSED


async def test_a_witness_that_was_set_back_cosigns_again_and_somebody_is_told(network: Network) -> None:
    await network.grown()
    origin = await network.origin(network.scene.host)
    await network.witness("peak")
    kept = dict(network.heads("peak"))
    for _ in range(2):
        await network.grown()
        await network.witness("peak")
    network.heads("peak")[origin] = kept[origin]
    event = await network.grown()
    with capture_logs() as logs:
        await network.witness()
    (told,) = [each for each in logs if each["event"] == "witness disputes"]
    assert "fewer leaves than it cosigned" in told["error"]
    assert (await network.verified(event)).assurance is Assurance.WITNESSED
    assert network.gauges()["concordat_witness_disputed_logs", "peak"] == 1
    await network.grown()
    await network.witness()
    assert not network.witnesses["peak"].disputed


HELD = {
    "another root at an older size": (-1, "another history"),
    "another root at the same size": (0, "another checkpoint of this size"),
    "more leaves than there are": (1, "more leaves than the log has"),
}


@pytest.mark.parametrize("name", HELD)
async def test_a_witness_that_saw_another_history_is_told_of(network: Network, name: str) -> None:
    more, said = HELD[name]
    await network.grown()
    origin = await network.origin(network.scene.host)
    async with network.world.look(network.scene.host) as tx:
        head = await tx.log.head()
    other = Checkpoint(origin=origin, size=head.size + more, root=bytes(32))
    network.heads("peak")[origin] = Witnessed(checkpoint=other, note="")
    with capture_logs() as logs:
        await network.witness()
    dispute = network.witnesses["peak"].disputed[network.scene.host.of_club]
    assert said in dispute.reason
    assert [each["log_level"] for each in logs if each["event"] == "witness disputes"] == ["error"]
    assert {by for _, by in await network.stored(network.scene.host)} == {"vale"}
    assert {by for _, by in await network.stored(network.scene.home)} == {"peak", "vale"}
    assert network.heads("peak")[origin].checkpoint == other


async def test_a_log_that_a_witness_does_not_follow_waits_alone(network: Network) -> None:
    event = await network.grown()
    home = await network.origin(network.scene.home)
    followed: Any = network.peak.logs
    unknown = followed.pop(home)
    await network.witness()
    assert (await network.verified(event)).assurance is Assurance.WITNESSED
    trouble = network.witnesses["peak"].turns.troubled
    assert {club: type(each.error) for club, each in trouble.items()} == {network.scene.home.of_club: WitnessRefused}
    followed[home] = unknown
    network.world.clock.forward(seconds=60)
    await network.witness()
    assert {by for _, by in await network.stored(network.scene.home)} == {"peak", "vale"}


async def test_without_a_ledger_a_log_is_witnessed_after_a_while(network: Network) -> None:
    await network.grown()
    await network.witness()

    async def silent(*_: Any) -> Any:
        raise LedgerUnavailable

    ledger: Any = network.world.ledger
    ledger.submit = silent
    event = await network.grown(anchored=False)
    for wait, assurance in ((0, Assurance.SELF), (PATIENCE.total_seconds(), Assurance.WITNESSED)):
        network.world.clock.forward(seconds=wait)
        with pytest.raises(LedgerUnavailable):
            await network.pipeline.anchor()
        await network.witness()
        found = await network.verified(event)
        assert (found.state, found.assurance) == (State.PROVISIONAL, assurance)


async def test_a_witness_that_came_after_an_endorser_s_certificate_ended_costs_nobody_the_receipt(
    network: Network,
) -> None:
    now = network.world.clock()
    organisations = [Organisation(name) for name in ("HarbourMSP", "SummitMSP")]
    endorsers = [(one.msp_id, one.member(ends=now + timedelta(hours=1))) for one in organisations]

    async def evidence(origin: str, size: int) -> dict[str, Any]:
        async with network.world.look(network.scene.host) as tx:
            own, root = (await tx.log.head()).origin, (await tx.log.head()).root
        checkpoint = Checkpoint(origin=origin, size=size, root=root if origin == own else bytes(32))
        return Making(checkpoint=checkpoint, endorsers=endorsers).read().to_json()

    async def trust() -> dict[str, Any]:
        return trust_in(*organisations, k=2).to_json()

    ledger: Any = network.world.ledger
    ledger.evidence, ledger.trust = evidence, trust
    event = await network.grown()
    assert (await network.verified(event)).assurance is Assurance.CONSORTIUM
    network.world.clock.forward(seconds=2 * 3600)
    network.cosigners.witnesses = direct(
        *(replace(each, now=network.world.clock.__call__) for each in (network.peak, network.vale))
    ).witnesses
    await network.witness()
    found = await network.verified(event)
    assert (found.validity, found.state, found.assurance) == (Validity.VALID, State.PROVISIONAL, Assurance.WITNESSED)


class Crash(BaseException):
    """The process ends here."""


async def crash_before(network: Network) -> None:
    async def crash(_request: AddCheckpoint, _answer: Answer) -> str:
        raise Crash

    network.spoil("peak", crash)
    with pytest.raises(Crash):
        await network.witness("peak")


async def crash_after_the_answer(network: Network) -> None:
    async def crash(_request: AddCheckpoint, answer: Answer) -> str:
        await answer()
        raise Crash

    network.spoil("peak", crash)
    with pytest.raises(Crash):
        await network.witness("peak")


async def crash_before_it_is_published(network: Network) -> None:
    await network.witnesses["peak"].tick()


async def crash_at_the_witness(network: Network) -> None:
    """It kept the head, and ended before it signed."""
    heads: Any = network.peak.heads
    move = heads.move

    async def crash(*given: Any) -> bool:
        await move(*given)
        raise Crash

    heads.move = crash
    with pytest.raises(Crash):
        await network.witness("peak")
    heads.move = move


@pytest.mark.parametrize(
    "crash", [crash_before, crash_after_the_answer, crash_before_it_is_published, crash_at_the_witness]
)
async def test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(
    network: Network, crash: Callable[[Network], Awaitable[None]]
) -> None:
    event = await network.grown()
    await crash(network)
    network.spoil("peak", None)
    network.restart()
    later = await network.grown()
    await network.witness()
    await network.pipeline.sign()
    for each in (event, later):
        assert (await network.verified(each)).assurance is Assurance.WITNESSED
    origin = await network.origin(network.scene.host)
    published = await network.world.system.infrastructure.publication.get(origin, "checkpoint")
    async with network.world.look(network.scene.host) as tx:
        newest = await tx.log.checkpoint()
        assert newest is not None
        note = await joined(tx.log, newest)
    assert published == note.encode()
    assert len(parse_note(note).signatures) == 3
