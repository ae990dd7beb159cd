"""What the page on the contract `witness` shows of it: its functions as they are, and what they answer when called."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

from adapters.inbound.chaincode.witness.arguments import LIMITS
from adapters.inbound.chaincode.witness.contract import FUNCTIONS
from adapters.inbound.chaincode.witness.refusals import REFUSALS
from tests.contracts.ledger import FORKED, HONEST, ORIGIN
from tests.support.chaincode import MemoryStub
from tests.unit.chaincode.calls import (
    OWNER,
    PAIR,
    PERIOD,
    Ledger,
    anchor,
    open_pair,
    register,
    report,
    rotate,
    settle,
    witness,
)


def functions() -> Iterator[tuple[str, ...]]:
    for name, function in FUNCTIONS.items():
        says = inspect.cleandoc(function.does.__doc__ or "")
        arguments = ", ".join(f"`{argument}`" for argument in function.arguments)
        yield f"`{name}`", arguments, f"`{function.event}`" if function.event else "", says


def refusals() -> Iterator[tuple[str, ...]]:
    return ((f"`{reason}`", str(status), sentence) for reason, (status, sentence) in REFUSALS.items())


def limits() -> Iterator[tuple[str, ...]]:
    return ((what, f"{limit:,}") for what, limit in LIMITS.items())


def answers() -> str:
    """One call of each function, with what it answers, tells and writes."""
    lines = asyncio.run(_played())
    return "```text\n" + "\n".join(lines) + "\n```\n"


async def _played() -> list[str]:
    ledger, lines = Ledger(), []
    steps = anchor(HONEST.submission(5), FORKED.submission(5), HONEST.submission(8, 5))
    fork = report(HONEST, 5, FORKED, 8)
    reads: list[tuple[Any, ...]] = [("Head", ORIGIN), ("Checkpoint", ORIGIN, "5"), ("Origins", "")]
    pairs: list[tuple[Any, ...]] = [
        ("Owner", ORIGIN),
        open_pair(),
        settle(),
        ("Pair", PAIR),
        ("Settlement", PAIR, PERIOD),
    ]
    for call in (register(), steps, *reads, rotate(9), *pairs, fork, ("Head", "nobody")):
        stub = MemoryStub(ledger.state, call, msp_id=OWNER)
        answer = await witness(stub)
        ledger.state.commit(stub)
        lines += [f"{call[0]}", f"  answers {answer.status} {answer.message or answer.payload.decode()}"]
        if stub.event is not None:
            lines.append(f"  tells   {stub.event[0]} {stub.event[1].decode()}")
        lines += [f"  writes  {key} {(value or b'').decode()}" for key, value in sorted(stub.writes.items())]
    return lines
