"""Which logs would be frozen: asked before signing, as the worker asks; and which wait for another key."""

from app.log.keys import ROTATION
from app.log.missing import missing
from concordat.assembly.workers import build_guard
from concordat.checks import Check, State
from concordat.container import System
from concordat.network import ADVICE, another

SUBJECT = "logs"


async def examine_logs(system: System) -> list[Check]:
    """A check per log that contradicts what the world has seen of it, and per log that is missing as a whole."""
    i = system.infrastructure
    guard, entries = build_guard(i), await i.backlog.directory()
    checks = []
    for entry in entries:
        frozen = await guard.examine(entry.club)
        if frozen is not None:
            told = frozen.parameters
            sizes = f" (size {told['size']} here, {told['known_size']} there)" if "known_size" in told else ""
            found = f"{entry.origin} is frozen: {told['reason']}{sizes}"
            checks.append(Check(subject=SUBJECT, state=State.FAILED, found=found, advice=str(told["remedy"])))
    for origin in await missing(i.network, {entry.origin for entry in entries}, i.ledger, i.publication):
        found = f"{origin} is known to the ledger or the publication, and the database has no such club"
        advice = "Restore a backup that has it; it cannot be rebuilt."
        checks.append(Check(subject=SUBJECT, state=State.WARNING, found=found, advice=advice))
    return checks or [Check(subject=SUBJECT, found=f"{len(entries)}, and nothing contradicts them")]


async def examine_network(system: System) -> list[Check]:
    """A check where the settings name another network than that of the clubs."""
    found = await another(system.infrastructure.backlog, system.infrastructure.network)
    return [] if found is None else [Check(subject=SUBJECT, state=State.FAILED, found=found, advice=ADVICE)]


async def examine_exchanges(system: System) -> list[Check]:
    """A warning per log that waits for another key: the ledger may answer reads, and take no transaction for hours."""
    backlog = system.infrastructure.backlog
    clubs = set(await backlog.clubs_with_work(ROTATION))
    waiting = [entry.origin for entry in await backlog.directory() if entry.club in clubs]
    found = "its key is being exchanged; until that ends both keys sign it, the present one too"
    advice = "It ends by itself once a worker runs and the ledger takes transactions (docs/how-to/rotate-keys.md)."
    return [
        Check(subject=SUBJECT, state=State.WARNING, found=f"{origin}: {found}", advice=advice) for origin in waiting
    ]
