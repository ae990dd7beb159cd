"""Calls of the contract `witness` in process, with good arguments that a test may spoil one of."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.inbound.chaincode.stub import Answer
from adapters.inbound.chaincode.witness.contract import Witness
from adapters.outbound.ed25519 import Signer, verify
from core.log.merkle import consistency_proof
from core.log.pairs import Settled
from core.log.witness import rotation_message
from ports.ledger import Submission
from shared.canonical import Json, b64url, dumps, unb64url
from tests.contracts.ledger import HONEST, ORIGIN, SampleLog
from tests.support.chaincode import State, item

OWNER, STRANGER = "HarbourMSP", "SummitMSP"
PAIR, COMMITMENT = b64url(bytes([7]) * 32), b64url(bytes([8]) * 32)
PERIOD = "2026-03"
ONE, OTHER = Signer(bytes([3]) * 32), Signer(bytes([4]) * 32)
NEXT = replace(HONEST, seed=bytes([5]) * 32)
"""The honest log under the key that it rotates to."""

witness = Witness(verify)


def anchor(*steps: Submission) -> tuple[str | bytes, ...]:
    return "Anchor", dumps([item(step) for step in steps])


def register(log: SampleLog = HONEST) -> tuple[str, ...]:
    return "RegisterLog", log.origin, str(log.key)


def rotate(size: int = 6, old: SampleLog = HONEST, new: SampleLog = NEXT) -> tuple[str, ...]:
    message = rotation_message(ORIGIN, size, old.key, new.key)
    return "RotateKey", ORIGIN, str(size), str(new.key), b64url(old.signer(message)), b64url(new.signer(message))


def report(older: SampleLog, small: int, newer: SampleLog, large: int) -> tuple[str, ...]:
    """The fork as whoever has seen both trees shows it."""
    proof: list[Json] = []
    if 0 < small < large:
        proof = [b64url(each) for each in consistency_proof(small, large, newer.hash_at)]
    root = b64url(newer.checkpoint(small).root)
    return "ReportFork", older.note(small), newer.note(large), root, dumps(proof).decode()


def open_pair() -> tuple[str, ...]:
    return "OpenPair", PAIR, OWNER, STRANGER, b64url(ONE.key), b64url(OTHER.key)


def settle(commitment: str = COMMITMENT, period: str = PERIOD) -> tuple[str, ...]:
    message = Settled(pair=unb64url(PAIR), period=period, commitment=unb64url(commitment)).message
    return "Settle", PAIR, period, commitment, b64url(ONE(message)), b64url(OTHER(message))


def spoilt(call: tuple[Any, ...], place: int, value: str | bytes) -> tuple[Any, ...]:
    """The same call with another argument at this place; the function's name stands at 0."""
    return (*call[:place], value, *call[place + 1 :])


@dataclass(slots=True)
class Ledger:
    """A state under the contract, as a client meets it."""

    state: State = field(default_factory=State)

    async def call(self, *arguments: Any, msp_id: str = OWNER) -> Answer:
        return await self.state.submit(witness, *arguments, msp_id=msp_id)

    async def told(self, *arguments: Any, msp_id: str = OWNER) -> Any:
        """The answer of a call that succeeds."""
        answer = await self.call(*arguments, msp_id=msp_id)
        assert answer.status == 200, answer.message
        return json.loads(answer.payload)

    async def with_log(self, *sizes: int) -> "Ledger":
        """With the honest log, anchored at these sizes."""
        await self.told(*register())
        for old, new in zip((0, *sizes), sizes, strict=False):
            await self.told(*anchor(HONEST.submission(new, old)))
        return self
