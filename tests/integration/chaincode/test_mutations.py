"""100,000 checkpoints and proofs that differ from good ones in one place: the contract takes none of them."""

import asyncio
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from random import Random
from typing import Any

import pytest

from adapters.inbound.chaincode.stub import Stub
from adapters.inbound.chaincode.witness.contract import Witness
from adapters.outbound.ed25519 import verify
from core.log.notes import Verify
from shared.canonical import dumps
from tests.contracts.ledger import HONEST
from tests.support.chaincode import MemoryStub, item
from tests.unit.chaincode.calls import Ledger, anchor
from tests.unit.chaincode.mutating import STEPS, good_steps, mutated

EACH, BATCH = 50_000, 100


def taken(seed: int, count: int, check: Verify = verify) -> list[object]:
    """What a contract takes of so many mutations of good steps; each batch meets the same state."""
    return asyncio.run(_taken(Random(seed), count, Witness(check)))


async def _taken(chance: Random, count: int, contract: Witness) -> list[object]:
    ledger = await Ledger().with_log(5)
    good = good_steps()
    found: list[object] = []
    for _batch in range(count // BATCH):
        steps = [mutated(chance.choice(good), chance) for _ in range(BATCH)]
        stub: Stub = MemoryStub(ledger.state, ("Anchor", dumps([item(each) for each in steps])))
        told: list[Any] = json.loads((await contract(stub)).payload)
        found += [step for step, answer in zip(steps, told, strict=True) if "reason" not in answer]
    return found


def test_no_mutated_checkpoint_or_proof_is_taken() -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        assert [*processes.map(taken, (1, 2), (EACH, EACH))] == [[], []]


async def test_the_good_ones_that_they_were_made_of_are_all_taken() -> None:
    for old, new in STEPS:
        ledger = await Ledger().with_log(5)
        assert (await ledger.told(*anchor(HONEST.submission(new, old))))[0]["size"] == new


def test_a_contract_that_checks_no_signature_is_caught_by_the_same_mutations() -> None:
    assert taken(1, 2_000, lambda _key, _message, _signature: True) != []


def test_a_contract_that_checks_no_proof_is_caught_by_the_same_mutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.log.witness.verify_extension", lambda *_: None)
    assert taken(1, 2_000) != []
