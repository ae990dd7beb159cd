"""What doctor says of the witnesses that are asked, and of the own one: every log is asked for, and nothing is kept."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.log.witnessing import WitnessDisputes
from concordat.checks import State as CheckState
from concordat.checks.witnesses import examine_witnesses
from core.log.cosigning import AddCheckpoint
from ports.witnessed import Witnessed
from tests.integration.log.witnessed import Answer, Network, down, network_at
from tests.support.witnesses import cosigner, direct


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    with capture_logs():
        async with network_at(tmp_path) as network:
            yield network


async def test_doctor_s_question_finds_a_log_that_was_set_back_and_keeps_nothing(network: Network) -> None:
    await network.grown()
    host, peak = network.scene.host, network.witnesses["peak"]
    assert await peak.examine(host.of_club)
    assert not await network.stored(host)
    origin = await network.origin(host)
    held = network.heads("peak")[origin].checkpoint
    network.heads("peak")[origin] = Witnessed(checkpoint=replace(held, size=held.size + 1), note="")
    with pytest.raises(WitnessDisputes, match="more leaves"):
        await peak.examine(host.of_club)


async def test_doctor_s_question_finds_another_checkpoint_and_moves_no_witness(network: Network) -> None:
    await network.grown()
    await network.witness("peak")
    host, peak = network.scene.host, network.witnesses["peak"]
    origin = await network.origin(host)
    held = network.heads("peak")[origin].checkpoint
    await network.grown()
    assert await peak.examine(host.of_club)
    assert network.heads("peak")[origin].checkpoint == held
    network.heads("peak")[origin] = Witnessed(checkpoint=replace(held, root=bytes(32)), note="")
    with pytest.raises(WitnessDisputes, match="another checkpoint"):
        await peak.examine(host.of_club)


async def test_doctor_s_question_finds_a_key_that_is_not_the_witness_s_also_where_it_cosigned_before(
    network: Network,
) -> None:
    await network.grown()
    await network.witness()
    network.witnesses["peak"].key = network.vale.key
    network.witnesses["vale"].key = cosigner("vale", seed=99).key
    for name in ("peak", "vale"):
        with pytest.raises(WitnessDisputes, match=r"no line is of vale.test/witness and its key"):
            await network.witnesses[name].examine(network.scene.host.of_club)


async def test_doctor_s_question_bears_a_log_that_grows_while_it_is_asked(network: Network) -> None:
    await network.grown()
    await network.witness()
    peak = network.witnesses["peak"]

    async def meanwhile(_request: AddCheckpoint, answer: Answer) -> str:
        network.spoil("peak", None)
        await network.grown()
        await network.witness("peak")
        return await answer()

    network.spoil("peak", meanwhile)
    assert await peak.examine(network.scene.host.of_club)


async def test_doctor_asks_for_every_log_and_says_what_to_do(network: Network) -> None:
    await network.grown()
    system, home = network.world.system, await network.origin(network.scene.home)
    followed: Any = network.peak.logs
    followed.pop(home)
    network.vale = replace(network.vale, now=lambda: network.world.clock() + timedelta(hours=2))
    network.cosigners.witnesses = direct(network.peak, network.vale).witnesses
    peak, vale = await examine_witnesses(system)
    assert peak.found == f"does not follow {home}"
    assert "concordat witness export" in peak.advice
    assert "yet to come" in vale.found
    assert vale.advice == "Compare the clocks of both machines."
    assert {peak.state, vale.state} == {CheckState.WARNING}
    followed[home] = (cosigner("stranger").key,)
    peak, _ = await examine_witnesses(system)
    assert peak.found == f"has another key for {home}"
    network.spoil("peak", down)
    peak, _ = await examine_witnesses(system)
    assert peak.found == "does not answer: down"
    network.spoil("peak", None)
    followed[home] = tuple(each.key for each in (await network.world.log.trust.bundle()).logs[home])
    peak, _ = await examine_witnesses(system)
    assert (peak.state, peak.found) == (CheckState.OK, "answers for 2 of 2 logs")


async def test_doctor_sees_that_a_witness_follows_its_own_logs(network: Network) -> None:
    await network.grown()
    i, home = network.world.system.infrastructure, await network.origin(network.scene.home)
    own = network.peak.key, network.peak.sign
    mixed_up = replace(i.witnesses, own=own, followed={home: ()})
    system = replace(network.world.system, infrastructure=replace(i, witnesses=mixed_up))
    (own_line, clash, *_) = await examine_witnesses(system)
    assert own_line.state is CheckState.OK
    assert clash.state is CheckState.WARNING
    assert home in clash.found and "CONCORDAT_NETWORK" in clash.advice
