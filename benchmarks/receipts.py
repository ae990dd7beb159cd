"""Receipts: how long it takes to verify one offline, as `concordat verify` does."""

import time
from collections.abc import Sequence

from adapters.outbound.signatures import SIGNATURES
from app.clubs.visits import CheckIn
from benchmarks.measures import Figure, Goal, Measured
from benchmarks.stage import Stage, log_of, settle, two_clubs
from core.log.receipts import Validity, receipt_text, verify_bytes
from core.log.trust import TrustBundle

GOAL = Goal(value=2.0, at_most=True)


async def measure(stage: Stage, *, quick: bool) -> Sequence[Measured]:
    """Milliseconds per verification of an anchored receipt of a check-in, disclosures and ledger evidence included."""
    receipt, bundle = await _receipt(stage)
    rounds, each = (5, 20) if quick else (15, 50)
    found = verify_bytes(receipt, bundle, SIGNATURES)
    if found.validity is not Validity.VALID:
        raise RuntimeError(f"the receipt is {found.validity}: {found.reason}")
    figures = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(each):
            verify_bytes(receipt, bundle, SIGNATURES)
        figures.append((time.process_time() - began) / each * 1000)
    notes = {"bytes": len(receipt), "state": str(found.state), "by": "processor time"}
    return [Figure(name="receipt verification", unit="ms", rounds=figures, goal=GOAL, notes=notes)]


async def _receipt(stage: Stage) -> tuple[bytes, TrustBundle]:
    database = stage.template.copy()
    async with stage.opened(database) as system:
        desks, log = await two_clubs(system), log_of(system)
        (visit,) = await desks.visits(1)
        decision = await desks.clubs.visits.check_in(desks.host, visit, CheckIn())
        await settle(system)
        receipt = await log.receipts.get(desks.host, decision.receipt)
        return receipt_text(receipt).encode(), await log.trust.of(desks.host.of_club)
