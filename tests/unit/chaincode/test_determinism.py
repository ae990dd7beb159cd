"""Every peer must come to the same bytes: the same calls twice, and in processes whose hashes fall otherwise."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from adapters.inbound.chaincode.stub import Answer, Contract, Stub
from tests.contracts.ledger import FORKED, HONEST, OTHER, SUMMIT, SampleLog
from tests.support.chaincode import MemoryStub, State
from tests.support.processes import clean_environment
from tests.unit.chaincode.calls import (
    OWNER,
    STRANGER,
    anchor,
    open_pair,
    register,
    report,
    rotate,
    settle,
    spoilt,
    witness,
)
from tests.unit.chaincode.mutating import mutated

MORE = [SampleLog(origin=f"concordat.test/club{number}/1", seed=bytes([number]) * 32) for number in range(20, 40)]


def calls() -> list[tuple[tuple[Any, ...], str]]:
    """Every function, done and refused, and batches over many logs in an order of no meaning."""
    chance = Random(11)
    many = [log.submission(size, old) for log in MORE for size, old in ((2, 0), (5, 2))]
    chance.shuffle(many)
    plain: list[tuple[Any, ...]] = [
        *(register(log) for log in (HONEST, SUMMIT, *MORE)),
        anchor(HONEST.submission(5), SUMMIT.submission(3), *many),
        anchor(*(mutated(HONEST.submission(8, 5), chance) for _ in range(40)), HONEST.submission(8, 5)),
        rotate(9),
        open_pair(),
        settle(),
        settle(period="2026-04"),
        report(HONEST, 5, FORKED, 8),
        ("Head", HONEST.origin),
        ("Checkpoint", OTHER, "3"),
        ("Head", "nobody"),
        (),
    ]
    return [(call, OWNER) for call in plain] + [(spoilt(open_pair(), 2, "OtherMSP"), STRANGER), (rotate(30), STRANGER)]


async def digest(contract: Contract) -> str:
    """Over all that a peer compares: answers, reads, writes in order, policies and events."""
    state, found = State(), sha256()
    for arguments, msp_id in calls():
        stub = MemoryStub(state, arguments, msp_id=msp_id)
        answer = await contract(stub)
        seen = [answer, stub.reads, [*stub.writes.items()], [*stub.policies.items()], stub.event]
        found.update(repr(seen).encode())
        if answer.status < 400:
            state.commit(stub)
    return found.hexdigest()


def elsewhere(hash_seed: int, contract: str = "") -> str:
    """The same in another process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.chaincode.test_determinism", contract],
        env=clean_environment(PYTHONHASHSEED=str(hash_seed), PYTHONPATH=":".join(filter(None, sys.path))),
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


async def test_the_same_calls_give_the_same_bytes_twice_and_in_other_processes() -> None:
    here = await digest(witness)
    assert [await digest(witness), elsewhere(1), elsewhere(2)] == [here] * 3


def test_a_contract_that_follows_the_order_of_a_set_is_caught() -> None:
    assert len({elsewhere(seed, "planted") for seed in (1, 2, 3, 4)}) > 1


async def planted(stub: Stub) -> Answer:
    """Reads and writes in the order in which a set gives them."""
    for key in {each.decode(errors="replace") for each in stub.arguments if each}:
        if await stub.get(key) is None:
            stub.put(key, b"seen")
    return Answer()


if __name__ == "__main__":
    contracts: dict[str, Callable[[Stub], Any]] = {"": witness, "planted": planted}
    print(asyncio.run(digest(contracts[sys.argv[1]])))
