"""Which witnesses there are: the own one, and whether each of the policy's answers and agrees with a log."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from app.log.witnessing import WitnessDisputes, Witnessing
from concordat.assembly.workers import build_guard, build_witnessing
from concordat.checks import Check, State
from concordat.container import System
from ports.cosigners import WitnessRefused, WitnessUnavailable
from shared.errors import ConcordatError

SUBJECT = "witness"


async def examine_witnesses(system: System) -> list[Check]:
    """None of them keeps the system from serving: nothing waits for a witness."""
    i = system.infrastructure
    checks = []
    if i.witnesses.own is not None:
        key, logs = i.witnesses.own[0], len(i.witnesses.followed)
        found = f"cosigns for {logs} log{'s' if logs != 1 else ''} of others"
        checks.append(Check(subject=SUBJECT, adapter=f"{key.name} (here)", found=found))
    clubs = [entry.club for entry in await i.backlog.directory()]
    asked = build_witnessing(i, build_guard(i))
    checks += await asyncio.gather(*(_examine(witness, clubs) for witness in asked))
    for name in sorted(set(i.witnesses.keys) - set(i.witnesses.urls)):
        checks.append(_warning(name, "has no URL, so it is never asked", "Write its submission prefix in the policy."))
    return checks


async def _examine(witness: Witnessing, clubs: Sequence[UUID]) -> Check:
    """About the first log that has a checkpoint."""
    subject = f"{witness.name} ({witness.url})"
    try:
        for club in clubs:
            if await witness.examine(club):
                return Check(subject=SUBJECT, adapter=subject, found="answers")
    except WitnessUnavailable as error:
        return _warning(subject, f"does not answer: {error.parameters['reason']}", "Ask its operator.")
    except WitnessRefused as error:
        advice = "Its operator adds the log's key to the logs that it follows: see concordat witness export."
        return _warning(subject, f"answers, and refuses a log with status {error.status}", advice)
    except WitnessDisputes as dispute:
        return _warning(subject, f"contradicts a log: {dispute.reason}", "Run concordat log audit.")
    except ConcordatError as error:
        return _warning(subject, f"cannot be asked: {error}", "Run concordat log audit.")
    return Check(subject=SUBJECT, adapter=subject, found="not asked, since no log has a checkpoint yet")


def _warning(adapter: str, found: str, advice: str) -> Check:
    return Check(subject=SUBJECT, adapter=adapter, state=State.WARNING, found=found, advice=advice)
