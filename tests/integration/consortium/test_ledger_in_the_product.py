"""The product over a ledger on Fabric: wired by its profile, and what happens to logs while the network is away."""

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from adapters.outbound.fabric.gateway.errors import Fault
from adapters.outbound.fabric.ledger import OUTCOMES
from adapters.outbound.signatures import SIGNATURES
from app.clubs.settlements import EvidenceNotBelieved
from app.clubs.visits import Decision
from concordat.assembly.fabric import ledger_gauges
from core.log.evidence import Vouched
from core.log.receipts import Assurance, State, Validity, Verification, verify_receipt
from core.log.settlements import check_proof
from ports.ledger import LedgerUnavailable
from tests.contracts.worlds import renamed
from tests.fabric_simulator.network import SimulatedNetwork
from tests.support.consortium import consortium, write_profile
from tests.support.logs import verified
from tests.support.scenes import Scene, found, two_clubs
from tests.support.settling import after_march, settle, visited
from tests.support.world import World, caller, world_at

PEERS = ("org1.peer", "org2.peer")


@pytest.fixture
async def network() -> AsyncIterator[SimulatedNetwork]:
    async with consortium() as network:
        yield network


class Place:
    """A database, and the profile of a network that may be there or not."""

    def __init__(self, url: str, folder: Path, profile: Path) -> None:
        self.url, self.folder, self.profile = url, folder, profile

    def revoke(self, *fingerprints: str) -> None:
        """Have the profile name these certificates as revoked, and no other ones."""
        lines = [line for line in self.profile.read_text().splitlines() if not line.startswith("revocations")]
        self.profile.write_text("\n".join([f"revocations = {json.dumps(fingerprints)}", *lines, ""]))

    def world(self) -> AbstractAsyncContextManager[World]:
        """From the start of a process to its end."""
        return world_at(self.url, self.folder, ledger_url=f"fabric:{self.profile}")


@pytest.fixture
def place(network: SimulatedNetwork, sqlite_url: str, tmp_path: Path) -> Place:
    return Place(sqlite_url, tmp_path / "world", write_profile(network, tmp_path))


def fingerprint(certificate: bytes) -> str:
    return x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256()).hex(":")


async def away(network: SimulatedNetwork) -> None:
    for peer in PEERS:
        await network.kill(peer)


async def back(network: SimulatedNetwork) -> None:
    for peer in PEERS:
        await network.restart(peer)


async def turn(world: World) -> bool:
    """One turn of each stage; whether the ledger was there."""
    await world.pipeline.integrate()
    await world.pipeline.sign()
    try:
        await world.pipeline.anchor()
    except LedgerUnavailable:
        return False
    return True


async def anchored_again(world: World) -> None:
    """A connection is dialled again after a pause."""
    for _ in range(200):
        if await turn(world) and not world.pipeline.unanchored:
            return
        world.clock.forward(seconds=60)
    raise AssertionError("never anchored")


async def receipt_of(world: World, scene: Scene, decision: Decision) -> Verification:
    """As whoever holds it verifies it."""
    assert decision.receipt is not None
    receipt = await world.log.receipts.get(scene.host, decision.receipt)
    return verify_receipt(receipt, await world.log.trust.bundle(), world.system.infrastructure.signatures)


async def test_a_check_in_is_anchored_and_its_receipt_has_the_word_of_a_consortium(place: Place) -> None:
    async with place.world() as world:
        scene = await two_clubs(world)
        decision = await scene.checked_in((await scene.member()).id)
        await world.settle()
        found = await receipt_of(world, scene, decision)
        assert (found.state, found.assurance) == (State.ANCHORED, Assurance.CONSORTIUM)
        assert found.organisations == ("Org1MSP", "Org2MSP")
        for club in (scene.home, scene.host):
            await verified(world, club)


async def test_check_ins_go_on_while_the_network_is_away_and_are_anchored_when_it_is_back(
    place: Place, network: SimulatedNetwork
) -> None:
    await away(network)
    async with place.world() as world:
        scene = await two_clubs(world)
        decision = await scene.checked_in((await scene.member()).id)
        assert not await turn(world)
        found = await receipt_of(world, scene, decision)
        assert (found.validity, found.state) == (Validity.VALID, State.PROVISIONAL)
        await back(network)
        await anchored_again(world)
        found = await receipt_of(world, scene, decision)
        assert (found.state, found.assurance) == (State.ANCHORED, Assurance.CONSORTIUM)
        for club in (scene.home, scene.host):
            await verified(world, club)


async def test_who_only_reads_starts_and_answers_without_the_network(place: Place, network: SimulatedNetwork) -> None:
    async with place.world() as world:
        scene = await two_clubs(world)
        decision = await scene.checked_in((await scene.member()).id)
        await world.settle()
    await away(network)
    async with place.world() as world:
        found = await receipt_of(world, scene, decision)
        assert (found.state, found.assurance) == (State.ANCHORED, Assurance.CONSORTIUM)
        trust = (await world.log.trust.bundle()).ledger
        assert (trust.channel, trust.contract, trust.k) == ("concordat", "witness", 2)
        assert sorted(trust.organisations) == ["Org1MSP", "Org2MSP"]


async def test_after_a_revocation_a_receipt_is_proven_by_an_anchor_that_is_still_believed(
    place: Place, network: SimulatedNetwork
) -> None:
    async with place.world() as world:
        scene = await two_clubs(world)
        decision = await scene.checked_in((await scene.member()).id)
        await world.settle()
        organisations = (await receipt_of(world, scene, decision)).organisations
    place.revoke(fingerprint(network.nodes[0].endorser.member.certificate))
    async with place.world() as world:
        found = await receipt_of(world, scene, decision)
        assert (found.validity, found.state) == (Validity.VALID, State.PROVISIONAL)
    place.revoke()
    async with place.world() as world:
        assert (await receipt_of(world, scene, decision)).organisations == organisations


async def test_with_another_ledger_old_receipts_are_proven_by_anchors_of_the_new_one(place: Place) -> None:
    async with world_at(place.url, place.folder) as world:
        scene = await two_clubs(world)
        decision = await scene.checked_in((await scene.member()).id)
        await world.settle()
        assert (await receipt_of(world, scene, decision)).assurance is Assurance.SELF
    async with place.world() as world:
        assert (await receipt_of(world, scene, decision)).state is State.PROVISIONAL
        await renamed(world, scene.host, "Haven")
        await world.settle()
        assert (await receipt_of(world, scene, decision)).assurance is Assurance.CONSORTIUM


async def vouched(world: World, scene: Scene, visit: UUID) -> Vouched | None:
    """Who stands behind the settlement that a visit is in, after a turn of the worker; None where nobody does here."""
    await settle(world, scene.home, scene.host)
    try:
        proof = await world.clubs.settlements.prove(scene.home, visit)
    except EvidenceNotBelieved:
        return None
    return check_proof(proof, (await world.log.trust.bundle()).ledger, SIGNATURES).vouched


async def test_what_was_settled_goes_to_another_ledger_once_that_knows_both_logs(place: Place) -> None:
    async with world_at(place.url, place.folder) as world:
        scene = await two_clubs(world)
        (visit,) = await visited(scene, 1)
        after_march(world)
        settled = await vouched(world, scene, visit)
        assert settled is not None and settled.assurance is Assurance.SELF
    async with place.world() as world:
        assert await vouched(world, scene, visit) is None
        for club in (scene.home, scene.host):
            await renamed(world, club, "Haven")
        await world.settle()
        settled = await vouched(world, scene, visit)
        assert settled is not None and settled.organisations == ("Org1MSP", "Org2MSP")


async def test_a_settlement_gets_the_word_of_more_organisations_when_more_are_asked_for(
    place: Place, network: SimulatedNetwork
) -> None:
    place.profile = write_profile(network, place.profile.parent, k=1, organisations=1)
    async with place.world() as world:
        scene = await two_clubs(world)
        (visit,) = await visited(scene, 1)
        after_march(world)
        settled = await vouched(world, scene, visit)
        assert settled is not None and settled.organisations == ("Org1MSP",)
    place.profile = write_profile(network, place.profile.parent)
    async with place.world() as world:
        settled = await vouched(world, scene, visit)
        assert settled is not None and settled.organisations == ("Org1MSP", "Org2MSP")


def gauges_of(world: World) -> dict[str, float]:
    """Of the log and its ledger, those with a label by name and label."""
    i = world.system.infrastructure
    lent = [*(one for built in world.system.modules for one in built.gauges(i)), *ledger_gauges(i.ledger)]
    return {" ".join((one.name, *one.labels.values())): one.value for one in lent}


async def test_metrics_say_how_far_the_logs_are_anchored_and_what_kept_them(
    place: Place, network: SimulatedNetwork
) -> None:
    async with place.world() as world:
        assert "concordat_anchored_leaves" not in gauges_of(world)
        clubs = [caller((await found(world)).id) for _ in range(2)]
        assert await turn(world)
        gauges = gauges_of(world)
        assert gauges["concordat_anchored_leaves"] == 2
        assert gauges["concordat_anchor_waiting_logs"] == gauges["concordat_anchor_lag_seconds"] == 0
        assert gauges["concordat_ledger_transactions valid"] == 3, "two logs were registered, and anchored in one round"
        assert gauges["concordat_ledger_failures unavailable"] == 0
        await away(network)
        await renamed(world, clubs[0], "Haven")
        assert not await turn(world)
        world.clock.forward(seconds=90)
        gauges = gauges_of(world)
        assert gauges["concordat_anchored_leaves"] == 2
        assert gauges["concordat_anchor_waiting_logs"] == 1
        assert 90 <= gauges["concordat_anchor_lag_seconds"] < 91
        assert gauges["concordat_ledger_failures unavailable"] == 1


async def test_what_is_recorded_and_signed_between_two_anchors_is_one_transaction_of_all_logs(place: Place) -> None:
    async with place.world() as world:
        clubs = [caller((await found(world)).id) for _ in range(2)]
        for anchors in (1, 2):
            for second in range(5):
                for club in clubs:
                    await renamed(world, club, f"Haven {anchors} {second}")
                await world.pipeline.integrate()
                await world.pipeline.sign()
            await world.pipeline.anchor()
            gauges = gauges_of(world)
            # Each of the two logs was registered by a transaction of its own before.
            assert gauges["concordat_ledger_transactions valid"] == len(clubs) + anchors
            assert gauges["concordat_anchored_leaves"] == len(clubs) * (1 + 5 * anchors)


async def test_every_fault_and_outcome_has_a_series_from_the_start(place: Place) -> None:
    async with place.world() as world:
        gauges = gauges_of(world)
        assert {f"concordat_ledger_failures {fault}" for fault in Fault} <= gauges.keys()
        assert {f"concordat_ledger_transactions {outcome}" for outcome in OUTCOMES} <= gauges.keys()
        assert not any(gauges.values())
