"""Which witnesses there are: the own one, and whether each of the policy's answers and agrees with the logs."""

import asyncio
from collections.abc import Iterator, Sequence

from app.log.witnessing import WitnessDisputes, Witnessing
from concordat.assembly.workers import build_guard, build_witnessing
from concordat.checks import Check, State
from concordat.container import System
from concordat.settings import PREFIX
from core.log.policy import parse_policy
from ports.cosigners import WitnessRefused, WitnessUnavailable
from ports.log import DirectoryEntry
from shared.errors import ConcordatError

SUBJECT = "witness"
MOST = 100
"""About as many logs a witness is asked; it counts how often it is asked."""

_REFUSALS = {
    403: ("has another key for", "Its operator follows what concordat witness export prints here now."),
    404: (
        "does not follow",
        "Its operator follows what concordat witness export prints here, and restarts. Or this is not its URL: compare "
        "it with what that operator exports.",
    ),
}
_STRANGE = "refuses, with status {},", "Ask its operator."


async def examine_witnesses(system: System) -> list[Check]:
    """None of them keeps the system from serving: nothing waits for a witness."""
    i = system.infrastructure
    entries = await i.backlog.directory()
    checks = [*_own(system, {entry.origin for entry in entries})]
    asked = build_witnessing(i, build_guard(i))
    checks += await asyncio.gather(*(_examine(witness, entries[:MOST], len(entries)) for witness in asked))
    for name in sorted(set(i.witnesses.keys) - set(i.witnesses.urls)):
        checks.append(_warning(name, "has no URL, so it is never asked", "Write its submission prefix in the policy."))
    if i.witnesses.keys and parse_policy(i.witnesses.policy).quorum is None:
        found = "asks for no quorum, so no receipt ever says witnessed"
        checks.append(_warning("witness_policy", found, "Name a witness or a group in its quorum line."))
    return checks


def _own(system: System, origins: set[str]) -> Iterator[Check]:
    witnesses = system.infrastructure.witnesses
    if witnesses.own is None:
        return
    subject, logs = f"{witnesses.own[0].name} (here)", len(witnesses.followed)
    found = f"cosigns for {logs} log{'s' if logs != 1 else ''} of others"
    if not logs:
        found = f"cosigns for no log: {PREFIX}WITNESS_LOGS names them"
    yield Check(subject=SUBJECT, adapter=subject, found=found)
    clashing = sorted(origins & set(witnesses.followed))
    if clashing:
        found = f"follows {clashing[0]}, and a log of this network is called so"
        advice = (
            f"{PREFIX}WITNESS_LOGS names a file of the other operator, not the own one. If it does, both networks have "
            f"one name: see {PREFIX}NETWORK."
        )
        yield _warning(subject, found, advice)


async def _examine(witness: Witnessing, entries: Sequence[DirectoryEntry], of: int) -> Check:
    subject = f"{witness.name} ({witness.url})"
    answered, refused = 0, dict[str, int]()
    for entry in entries:
        try:
            answered += await witness.examine(entry.club)
        except WitnessUnavailable as error:
            reason = error.parameters["reason"]
            return _warning(subject, f"does not answer: {reason}", "Compare its URL with what its operator exports.")
        except WitnessRefused as error:
            refused[entry.origin] = error.status
        except WitnessDisputes as dispute:
            return _warning(
                subject,
                f"contradicts {entry.origin}: {dispute.reason}",
                f"{dispute.remedy[0].upper()}{dispute.remedy[1:]}.",
            )
        except ConcordatError as error:
            return _warning(subject, f"cannot be asked about {entry.origin}: {error}", "Run concordat log audit.")
    if refused:
        origin, status = next(iter(refused.items()))
        said, advice = _REFUSALS.get(status, (_STRANGE[0].format(status), _STRANGE[1]))
        return _warning(subject, f"{said} {_counted(origin, len(refused), len(entries))}", advice)
    if not answered:
        return Check(subject=SUBJECT, adapter=subject, found="not asked, since no log has a checkpoint yet")
    return Check(subject=SUBJECT, adapter=subject, found=f"answers for {answered} of {of} logs")


def _counted(origin: str, times: int, of: int) -> str:
    return origin if times == 1 else f"{times} of {of} logs, {origin} for one"


def _warning(adapter: str, found: str, advice: str) -> Check:
    return Check(subject=SUBJECT, adapter=adapter, state=State.WARNING, found=found, advice=advice)
