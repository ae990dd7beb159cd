"""Rule aud7, byte by byte: what a third club can read on the ledger says nothing of the visits that two others settle.

Two clubs of two organisations have terms, visits and a settlement; then every byte of every block is searched.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.outbound.fabric.gateway.messages import ChaincodeEvent
from adapters.outbound.fabric.gateway.signables import Endorsed
from core.log.fabric.messages import (
    ChaincodeInput,
    ChaincodeInvocationSpec,
    ChaincodeProposalPayload,
    ChaincodeSpec,
    Response,
)
from core.log.notes import parse_key
from shared.canonical import Json, b64url, loads
from shared.protowire import decode
from tests.fabric_simulator.network import SimulatedNetwork
from tests.fabric_simulator.rwset import decoded
from tests.fabric_simulator.tampering import parts_of
from tests.support.consortium import write_profile
from tests.support.databases import sqlite_of
from tests.support.fabric import FabricNetwork
from tests.support.fabric_backends import Ledgers
from tests.support.leaks import Secret, leaks
from tests.support.networks import Network
from tests.support.scenes import Scene, terms, two_clubs
from tests.support.settling import after_march, settle, visited
from tests.support.third_club import VISITS, counts, secrets_of, settled_month
from tests.support.world import World, world_at


@pytest.fixture
async def world(network: Network, sqlite_url: str, tmp_path: Path) -> AsyncIterator[World]:
    profile = write_profile(network, tmp_path)
    async with world_at(sqlite_url, tmp_path / "world", ledger_url=f"fabric:{profile}") as world:
        yield world


@pytest.fixture
async def scene(world: World, ledgers: Ledgers) -> Scene:
    """Each club's log was registered by an organisation of its own."""
    scene = await two_clubs(world, terms(quotas=()))
    await world.pipeline.integrate()
    await world.pipeline.sign()
    for number, club in enumerate((scene.home, scene.host), start=1):
        async with world.look(club) as tx:
            key = (await tx.log.keys())[0].verifier_key
        await ledgers.register(parse_key(key).name, key, organisation=number)
    return scene


async def readable(network: Network) -> bytes:
    """Every byte that a member of the channel reads: all blocks of all peers, and what they keep of them."""
    if isinstance(network, SimulatedNetwork):
        return b"\n".join(_simulated(network))
    assert isinstance(network, FabricNetwork)
    files = sorted(network.folder.rglob("blockfile_*"))
    assert len(files) >= len(network.peers), "every peer has a file of blocks"
    return b"\n".join(file.read_bytes() for file in files)


def _simulated(network: SimulatedNetwork) -> list[bytes]:
    found: list[bytes] = []
    for peer in network.nodes:
        for block in peer.replica.ledger.blocks:
            found += block.envelopes
        for key, held in peer.replica.state.range(network.chaincode, "", ""):
            found += [key.encode(), held.value, *held.metadata.values()]
    return found


async def test_aud7_a_third_club_finds_nothing_of_visits_terms_and_counts_on_the_ledger(
    network: Network, scene: Scene
) -> None:
    visits = await visited(scene, VISITS)
    after_march(scene.world)
    assert await settle(scene.world, scene.home, scene.host) == 1
    month = await settled_month(scene)
    assert month.pair is not None and month.commitment is not None
    everything = await readable(network)
    # The checker reads the right bytes: what does stand there is found.
    here: dict[str, Secret] = {"the pair": month.pair, "the commitment": month.commitment, "the period": month.period}
    assert {each.partition(" as ")[0] for each in leaks(everything, here, hashes=False)} == here.keys()
    secrets = await secrets_of(scene, visits)
    assert leaks(everything, secrets) == []
    await _settlement_says_no_count(scene, month.pair)
    for name, secret in secrets.items():
        planted = everything + b"padding" + _bytes(secret)
        assert leaks(planted, {name: secret}), name


async def test_aud7_the_transactions_of_a_pair_name_neither_log(network: Network, scene: Scene) -> None:
    visits = await visited(scene, 1)
    after_march(scene.world)
    await settle(scene.world, scene.home, scene.host)
    month = await settled_month(scene)
    assert month.pair is not None
    origins: dict[str, Secret] = {each.origin: each.origin for each in await scene.world.backlog.directory()}
    slugs: dict[str, Secret] = {origin: origin.split("/")[1] for origin in origins}
    attempts = await _attempts_of(scene, b64url(month.pair))
    assert len(attempts) == 2, "the pair was opened, and settled once"
    for envelope in attempts:
        assert leaks(envelope, {**origins, **slugs}, hashes=False) == []
        assert leaks(envelope, await secrets_of(scene, visits)) == []
    assert leaks(await readable(network), slugs, hashes=False), "the logs' own transactions name them"


async def _attempts_of(scene: Scene, pair: str) -> list[bytes]:
    """The signed transactions that name the pair, as they were sent."""
    async with sqlite_of(scene.world.database).connect() as connection:
        rows = (await connection.exec_driver_sql("SELECT envelope FROM attempt")).all()
    envelopes = [bytes(row[0]) for row in rows]
    return [each for each in envelopes if pair.encode() in each]


async def _settlement_says_no_count(scene: Scene, pair: bytes) -> None:
    """The count in decimal is in no value that the pair's transactions write, in no argument, answer and event."""
    said: list[Json] = []
    for envelope in await _attempts_of(scene, b64url(pair)):
        said += _said(Endorsed.from_envelope(envelope).data)
    assert len(said) > 2 * len(("arguments", "answer", "event", "value"))
    assert not counts(said, VISITS), said
    assert counts([*said, {"count": VISITS}], VISITS) and counts([*said, str(VISITS)], VISITS)


def _said(transaction: bytes) -> list[Json]:
    parts = parts_of(transaction)
    spec = decode(ChaincodeProposalPayload, parts.body.chaincode_proposal_payload).input
    arguments = (decode(ChaincodeInvocationSpec, spec).chaincode_spec or ChaincodeSpec()).input or ChaincodeInput()
    said: list[Json] = [each.decode() for each in arguments.args]
    said += [loads((parts.action.response or Response()).payload)]
    said += [loads(decode(ChaincodeEvent, parts.action.events).payload)]
    said += [loads(write.value) for space in decoded(parts.action.results) for write in space.rwset.writes]
    return said


def _bytes(secret: Secret) -> bytes:
    return secret if isinstance(secret, bytes) else b64url(str(secret).encode()).encode()
