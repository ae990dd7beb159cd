"""Whatever dies at whatever step, what is anchored is there, once, in one tree; planted bugs are each found."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from adapters.outbound.fabric.gateway.errors import VALID
from adapters.outbound.fabric.gateway.events import Event
from adapters.outbound.fabric.ledger import FabricLedger
from core.log.checkpoints import Checkpoint
from core.log.witness import WitnessedLog
from ports.attempts import Attempt
from ports.ledger import CommitUnknown
from tests.fabric_simulator.crashes import LABELS, Life, Made, Store, play
from tests.support.attempts import MemoryAttempts

SEEDS = 500
MVCC_READ_CONFLICT = 11


@pytest.mark.timeout(600)
def test_nothing_is_lost_or_double_and_there_is_no_fork_wherever_processes_crash() -> None:
    crashes: Counter[str] = Counter()
    for seed in range(SEEDS):
        crashes += play(seed)
    assert crashes.keys() - {""} == LABELS


class Forgetful(MemoryAttempts):
    """Keeps no envelope."""

    async def newest(self, round: bytes) -> Attempt | None:
        return None

    async def unsettled(self) -> Sequence[Attempt]:
        return []


class Overtaking(MemoryAttempts):
    """Says of what another worker has under way that it is void."""

    async def newest(self, round: bytes) -> Attempt | None:
        newest = await super().newest(round)
        return newest and replace(newest, outcome=newest.outcome or MVCC_READ_CONFLICT)


class Impatient(FabricLedger):
    """Makes another transaction where it does not know what became of the first."""

    async def _settled(self, attempt: Attempt, *, asking_first: bool) -> int:
        try:
            return await super()._settled(attempt, asking_first=asking_first)
        except CommitUnknown:
            await self._attempts.settle(attempt, MVCC_READ_CONFLICT)
            return MVCC_READ_CONFLICT


class Trusting(FabricLedger):
    """Takes the orderer's acknowledgement for a commit."""

    async def _settled(self, attempt: Attempt, *, asking_first: bool) -> int:
        await self._sent(attempt)
        await self._attempts.settle(attempt, VALID)
        return VALID


def hasty(store: Store, life: Life, event: Event) -> None:
    """Notes where it stands before the effect is there."""
    life.step("before effect")
    store.position = event.checkpoint
    life.step("after effect")
    store.effects.append(event.transaction_id)


def _extended(log: WitnessedLog, checkpoint: Checkpoint, _old_size: int, _proof: Sequence[bytes]) -> WitnessedLog:
    return replace(log, head=checkpoint)


PLANTED: dict[str, tuple[Made, str]] = {
    "no stored envelope": (Made(attempts=Forgetful), "two transactions under the id|a new transaction while"),
    "another worker's attempt is passed over": (Made(attempts=Overtaking), "a new transaction while"),
    "a new transaction id on retry": (Made(ledger=Impatient), "a new transaction while"),
    "trust in the acknowledgement": (Made(ledger=Trusting), "is lost"),
    "an event checkpoint written before its effect": (Made(consume=hasty), "events were left out"),
    "no check of the stored head": (Made(), "a fork|went back|written twice"),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found_and_the_failure_names_its_seed(monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    made, words = PLANTED[bug]
    if bug == "no check of the stored head":
        monkeypatch.setattr(WitnessedLog, "extended", _extended)
        monkeypatch.setattr(WitnessedLog, "has_passed", lambda _log, _checkpoint: False)
    seed, found = _first_failure(lambda seed: play(seed, made))
    assert found.match(words)
    assert found.value.__notes__ == [f"crash schedule with seed {seed}"]


def _first_failure(played: Callable[[int], object]) -> tuple[int, pytest.ExceptionInfo[AssertionError]]:
    for seed in range(SEEDS):
        try:
            played(seed)
        except AssertionError as error:
            return seed, pytest.ExceptionInfo.from_exception(error)
    raise AssertionError("no schedule found it")
