"""Settlements while workers and nodes die or rivals come in between: the stored attempt settles it, on all networks."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from adapters.outbound.fabric.gateway.errors import VALID, Fault
from adapters.outbound.fabric.ledger import Patience
from adapters.outbound.fabric.pairs import FabricPairs
from adapters.outbound.signatures import SIGNATURES
from core.log.evidence import check_settled
from ports.ledger import CommitUnknown, LedgerBusy, LedgerUnavailable
from ports.pairs import LedgerRejected
from shared.canonical import Json, b64url
from tests.contracts.ledger import HONEST, ORIGIN, OTHER, SUMMIT
from tests.contracts.pairs import APRIL, MARCH, ORIGINS, PAIR, STRANGER
from tests.integration.fabric.test_ledger_faults import HASTY, STUBBORN, Interrupted, Killed
from tests.support.attempts import MemoryAttempts
from tests.support.fabric_backends import Ledgers
from tests.support.lagging import comes_to
from tests.support.networks import Network

Deed = Callable[[], Awaitable[None]]
MVCC_READ_CONFLICT = 11


@dataclass(slots=True)
class Scene:
    """Two clubs of two organisations on a network, and one database of the first one's deployment."""

    network: Network
    ledgers: Ledgers
    attempts: MemoryAttempts = field(default_factory=MemoryAttempts)

    async def worker(
        self, *, before: Deed | None = None, after: Deed | None = None, patience: Patience = STUBBORN
    ) -> FabricPairs:
        """Another worker on the database; the deeds are done around its first Submit."""
        gateway = await self.ledgers.gateway()
        gateway.transport = Interrupted(
            gateway.transport, {"Submit": before} if before else {}, {"Submit": after} if after else {}
        )
        return FabricPairs(await self.ledgers.make(self.attempts, gateway, patience=patience))

    @property
    def outcomes(self) -> list[int | None]:
        return [attempt.outcome for attempt in self.attempts.kept.values()]

    async def is_settled_once(self) -> None:
        """The period is held with evidence, and the pair counts one."""
        worker, settled = await self.worker(), PAIR.signed().settled
        await comes_to(lambda: worker.settled(PAIR.id, MARCH), settled)
        evidence = await worker.evidence(settled)
        assert evidence is not None
        check_settled(cast("dict[str, Json]", evidence), settled, self.ledgers.trust, SIGNATURES)
        assert (await worker.open(PAIR.id, PAIR.keys, ORIGINS)).settled == 1


@pytest.fixture
async def scene(network: Network, ledgers: Ledgers) -> Scene:
    await ledgers.register(ORIGIN, str(HONEST.key))
    await ledgers.register(OTHER, str(SUMMIT.key), organisation=2)
    scene = Scene(network, ledgers)
    await (await scene.worker()).open(PAIR.id, PAIR.keys, ORIGINS)
    scene.attempts.kept.clear()
    return scene


async def _die() -> None:
    raise Killed


async def test_a_worker_that_died_between_keeping_and_sending_is_followed_by_one_that_sends_the_same(
    scene: Scene,
) -> None:
    with pytest.raises(Killed):
        await (await scene.worker(before=_die)).settle(PAIR.signed())
    (kept,) = scene.attempts.kept.values()
    assert kept.outcome is None
    await (await scene.worker()).settle(PAIR.signed())
    assert [(each.tx_id, each.outcome) for each in scene.attempts.kept.values()] == [(kept.tx_id, VALID)]
    await scene.is_settled_once()


async def test_a_worker_that_died_after_sending_is_followed_by_one_that_learns_that_it_was_settled(
    scene: Scene,
) -> None:
    with pytest.raises(Killed):
        await (await scene.worker(after=_die)).settle(PAIR.signed())
    await (await scene.worker()).settle(PAIR.signed())
    assert scene.outcomes == [VALID]
    await scene.is_settled_once()


@pytest.mark.parametrize("step", ["before", "after"])
async def test_a_worker_that_died_while_it_opened_a_pair_is_followed_by_one_that_finds_it(
    scene: Scene, step: str
) -> None:
    dying = await scene.worker(before=_die) if step == "before" else await scene.worker(after=_die)
    with pytest.raises(Killed):
        await dying.open(STRANGER.id, STRANGER.keys, ORIGINS)
    worker = await scene.worker()
    assert (await worker.open(STRANGER.id, STRANGER.keys, ORIGINS)).keys == STRANGER.keys
    await worker.settle(STRANGER.signed())
    assert set(scene.outcomes) == {VALID}


async def test_what_an_orderer_acknowledged_before_it_was_killed_is_sent_again_and_commits_once(scene: Scene) -> None:
    async def kill() -> None:
        await scene.network.kill("orderer")

    settling = asyncio.create_task((await scene.worker(after=kill)).settle(PAIR.signed()))
    await asyncio.sleep(1)
    await scene.network.restart("orderer")
    await settling
    assert scene.outcomes == [VALID]
    await scene.is_settled_once()


async def test_an_outcome_that_nobody_knows_is_found_out_before_anything_else_is_sent(scene: Scene) -> None:
    async def freeze() -> None:
        await scene.network.freeze("orderer")

    with pytest.raises(CommitUnknown):
        await (await scene.worker(before=freeze, patience=HASTY)).settle(PAIR.signed())
    await scene.network.thaw("orderer")
    await (await scene.worker()).settle(PAIR.signed(9, APRIL))
    assert scene.outcomes == [VALID, VALID]
    assert await (await scene.worker()).settled(PAIR.id, MARCH) == PAIR.signed().settled


async def test_two_workers_with_the_same_settlement_make_one_transaction(scene: Scene) -> None:
    workers = [await scene.worker(), await scene.worker()]
    await asyncio.gather(*(worker.settle(PAIR.signed()) for worker in workers))
    assert scene.outcomes == [VALID]
    await scene.is_settled_once()


async def test_a_month_that_another_deployment_settled_in_between_is_refused_to_this_one(scene: Scene) -> None:
    rival = FabricPairs(await scene.ledgers.make(MemoryAttempts()))

    async def come_first() -> None:
        await rival.settle(PAIR.signed(9))

    with pytest.raises(LedgerRejected) as refused:
        await (await scene.worker(before=come_first)).settle(PAIR.signed())
    assert (refused.value.parameters["reason"], scene.outcomes) == ("settled", [MVCC_READ_CONFLICT])
    assert await rival.settled(PAIR.id, MARCH) == PAIR.signed(9).settled


async def test_a_pair_that_a_stranger_opened_first_is_not_used(scene: Scene) -> None:
    """Its first write needs no particular endorsement, so whoever sees the id on its way may be quicker."""
    gateway = await scene.ledgers.gateway(scene.network.identity(scene.network.peers[1].msp_id))
    contract = gateway.contract(scene.network.channel, scene.network.chaincode)
    one, other = (peer.msp_id for peer in scene.network.peers)
    keys = [b64url(key) for key in PAIR.keys]

    async def come_first() -> None:
        await contract.submit("OpenPair", b64url(STRANGER.id), one, other, *keys)

    with pytest.raises(LedgerRejected) as refused:
        await (await scene.worker(before=come_first)).open(STRANGER.id, STRANGER.keys, ORIGINS)
    assert refused.value.parameters["reason"] == "other-pair"


async def test_without_a_peer_of_the_other_organisation_nothing_is_kept_and_with_it_again_all_goes_on(
    scene: Scene,
) -> None:
    worker = await scene.worker()
    await scene.network.kill("org2.peer")
    with pytest.raises((LedgerBusy, LedgerUnavailable)) as refused:
        await worker.settle(PAIR.signed())
    assert refused.value.parameters["fault"] in {Fault.NOT_READY, Fault.UNAVAILABLE}
    assert scene.attempts.kept == {}
    await scene.network.restart("org2.peer")
    async with asyncio.timeout(30):
        while scene.outcomes != [VALID]:
            try:
                await worker.settle(PAIR.signed())
            except (LedgerBusy, LedgerUnavailable):
                await asyncio.sleep(0.1)
    await scene.is_settled_once()
