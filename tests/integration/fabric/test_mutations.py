"""1,000 checkpoints and proofs that differ from good ones in one place, each through endorsement and commit: no network
takes one of them."""

from random import Random

import pytest

from adapters.inbound.chaincode.witness.contract import Witness
from adapters.outbound.ed25519 import verify
from adapters.outbound.fabric.ledger import FabricLedger
from core.log.notes import Verify
from ports.ledger import Anchored, Submission
from tests.contracts.ledger import HONEST, ORIGIN, OTHER, SUMMIT
from tests.fabric_simulator.makers import witness
from tests.fabric_simulator.network import SimulatedNetwork
from tests.support.attempts import MemoryAttempts
from tests.support.fabric_backends import AT_ONCE, Ledgers, ledgers_on
from tests.unit.chaincode.mutating import good_steps, mutated

ROUNDS, EACH = 20, 50
"""1,000 in all. Every round is a transaction that is committed, since it brings another log one step further too."""


async def taken(ledger: FabricLedger, attempts: MemoryAttempts, rounds: int) -> list[Submission]:
    """What a ledger takes of so many rounds of mutations."""
    await ledger.register(ORIGIN, str(HONEST.key))
    await ledger.register(OTHER, str(SUMMIT.key))
    assert await ledger.submit([HONEST.submission(5)]) == [Anchored(origin=ORIGIN, size=5)]
    chance, good = Random(3), good_steps()
    found: list[Submission] = []
    for size in range(1, rounds + 1):
        steps = [mutated(chance.choice(good), chance) for _ in range(EACH)]
        *told, other = await ledger.submit([*steps, SUMMIT.submission(size, size - 1)])
        assert other == Anchored(origin=OTHER, size=size)
        found += [step for step, answer in zip(steps, told, strict=True) if isinstance(answer, Anchored)]
    assert [attempt.outcome for attempt in attempts.kept.values()] == [0] * (2 + 1 + rounds)
    return found


async def test_no_network_takes_a_mutated_checkpoint_or_proof(ledgers: Ledgers) -> None:
    attempts = MemoryAttempts()
    ledger = await ledgers.make(attempts)
    assert await taken(ledger, attempts, ROUNDS) == []
    assert await ledger.head(ORIGIN) == HONEST.head(5)
    held = [size for size in range(80) if await ledger.evidence(ORIGIN, size) is not None]
    assert held == [5]
    assert await ledger.head(OTHER) == SUMMIT.head(ROUNDS)


@pytest.mark.parametrize("forgotten", ["the signature", "the proof"])
async def test_a_contract_that_forgets_one_check_is_caught_by_the_same_mutations(
    monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    checks: Verify = verify
    if forgotten == "the signature":
        checks = _believes
    else:
        monkeypatch.setattr("core.log.witness.verify_extension", lambda *_: None)
    attempts = MemoryAttempts()
    network = SimulatedNetwork(witness("v3.1.5", Witness(checks)), AT_ONCE)
    async with network, ledgers_on(network) as ledgers:
        assert await taken(await ledgers.make(attempts), attempts, 4) != []


def _believes(_key: bytes, _message: bytes, _signature: bytes) -> bool:
    return True
