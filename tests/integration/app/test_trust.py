"""The trust bundle of the network: every log under its own origin, and no key that passes for another log's."""

from pathlib import Path

import pytest

from adapters.outbound.ed25519 import Signer
from app.log.keys import KeysDisputed, secret_of
from core.log.notes import VerifierKey
from ports.caller import Caller
from ports.log import LogKey
from tests.support.databases import MEMORY
from tests.support.scenes import found
from tests.support.world import World, caller, world_at


async def keyed(world: World, club: Caller, name: str | None = None) -> str:
    """The origin of the club's log, which has a key now; `name` is another log's, planted."""
    async with world.begin_log(club) as tx:
        origin = (await tx.log.head()).origin
        seed = await world.system.infrastructure.secrets.create(secret_of(origin), bytes(31) + b"\1")
        key = VerifierKey(name=name or origin, public=Signer(seed).key)
        await tx.log.add_key(LogKey(verifier_key=str(key), from_size=0, until_size=None))
    return origin


async def test_every_log_with_a_key_is_in_the_bundle_and_its_own_is_the_same(tmp_path: Path) -> None:
    async with world_at(MEMORY, tmp_path) as world:
        clubs = [caller((await found(world, name)).id) for name in ("harbour", "summit", "meadow")]
        origins = [await keyed(world, club) for club in clubs[:2]]
        bundle = await world.log.trust.bundle()
        assert bundle.logs.keys() == set(origins)
        for club, origin in zip(clubs, origins, strict=False):
            assert (await world.log.trust.of(club.of_club)).logs == {origin: bundle.logs[origin]}
        assert (await world.log.trust.of(clubs[2].of_club)).logs == {}


async def test_a_key_under_the_name_of_another_log_is_refused(tmp_path: Path) -> None:
    async with world_at(MEMORY, tmp_path) as world:
        harbour, summit = [caller((await found(world, name)).id) for name in ("harbour", "summit")]
        await keyed(world, summit, await keyed(world, harbour))
        with pytest.raises(KeysDisputed, match="not the one among the secrets"):
            await world.log.trust.bundle()
