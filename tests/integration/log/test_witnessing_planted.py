"""Planted bugs of the log's side of witnessing: each is found by the very test that is there for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

import app.log.publisher
from adapters.inbound.jobs.pipeline import Pipeline
from app.log.witnessing import Witnessing
from core.log.policy import Policy
from ports.cosigners import WitnessUnavailable
from ports.log import Log, StoredCheckpoint
from tests.integration.log import test_witnessing as suite
from tests.integration.log.witnessed import Network, network_at

Check = Callable[[Network], Awaitable[None]]


def believes_anything(self: Witnessing, target: StoredCheckpoint, lines: str) -> str:
    return lines


async def takes_the_newest(self: Witnessing, log: Log, held: int) -> StoredCheckpoint | None:
    newest = await log.checkpoint()
    return None if newest is None or newest.size <= held else newest


async def asks_everybody(self: Witnessing, club: Any) -> None:
    self.down = None
    try:
        await self._cosign(club)
    except WitnessUnavailable as error:
        self.down = error


async def forgets_what_is_left(self: Witnessing) -> None:
    batch, self.waiting, self.down = tuple(self.waiting), {}, None
    await self.turns.each(batch, self._turn)
    if self.down is not None:
        raise self.down


async def keeps_the_order(self: Witnessing) -> None:
    order, self.down = tuple(self.waiting), None
    await self.turns.each(order, self._turn)
    self.waiting = {club: None for club in order if club in self.waiting} | self.waiting
    if self.down is not None:
        raise self.down


async def publishes_no_cosignature(log: Log, checkpoint: StoredCheckpoint) -> str:
    return checkpoint.note


async def tells_nobody(self: Pipeline, witness: Witnessing) -> None:
    await witness.tick()


def counts_clubs(self: Policy, keys: Any) -> bool:
    return any(True for _ in keys)


@dataclass(frozen=True)
class Plant:
    place: Any
    name: str
    bug: Any
    check: Check


async def lies(network: Network) -> None:
    await suite.test_a_witness_that_lies_is_told_of_and_believed_in_nothing(network, "an altered signature")


async def crashes(network: Network) -> None:
    await suite.test_a_crash_at_any_step_loses_nothing_and_doubles_nothing(network, suite.crash_before)


PLANTS = {
    "a signature is not checked": Plant(Witnessing, "_checked", believes_anything, lies),
    "each witness takes what is newest": Plant(
        Witnessing,
        "_target",
        takes_the_newest,
        suite.test_all_witnesses_cosign_the_same_checkpoints_however_the_log_grows_between,
    ),
    "one that is down is asked for every log": Plant(
        Witnessing, "_turn", asks_everybody, suite.test_a_witness_that_is_down_is_asked_once_a_turn_and_delays_nobody
    ),
    "what was not answered is forgotten": Plant(
        Witnessing,
        "tick",
        forgets_what_is_left,
        suite.test_a_witness_that_is_down_is_asked_once_a_turn_and_delays_nobody,
    ),
    "the one that is not answered for stays the first": Plant(
        Witnessing,
        "tick",
        keeps_the_order,
        suite.test_a_witness_that_is_silent_about_one_log_answers_for_the_others_in_the_end,
    ),
    "cosignatures are not published": Plant(app.log.publisher, "joined", publishes_no_cosignature, crashes),
    "a dispute is told to nobody": Plant(Pipeline, "witness", tells_nobody, lies),
    "one operator is a quorum": Plant(
        Policy, "satisfied_by", counts_clubs, suite.test_a_receipt_is_witnessed_once_a_quorum_of_operators_cosigned
    ),
}


@pytest.mark.parametrize("name", PLANTS)
async def test_a_planted_bug_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    plant = PLANTS[name]
    monkeypatch.setattr(plant.place, plant.name, plant.bug)
    with capture_logs():
        async with network_at(tmp_path) as network:
            with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
                await plant.check(network)


@pytest.mark.parametrize("check", {id(plant.check): plant.check for plant in PLANTS.values()}.values())
async def test_without_a_bug_the_same_checks_pass(tmp_path: Path, check: Check) -> None:
    with capture_logs():
        async with network_at(tmp_path) as network:
            await check(network)
