"""Which months two clubs do not agree on, or the ledger refuses."""

from collections import Counter

from adapters.outbound.sql.clubs import SqlClubsTx
from app.workers import worker
from concordat.checks import Check, State
from concordat.container import System
from core.clubs.settlement import SettlementState
from ports.clubs import Settlement

SUBJECT = "settlements"
TROUBLED = (SettlementState.DIFFERS, SettlementState.REFUSED)


async def examine_settlements(system: System) -> list[Check]:
    """None of them keeps the system from serving: they are for the two clubs to talk about."""
    i = system.infrastructure
    look, found = i.look(SqlClubsTx), list[Settlement]()
    for entry in await i.backlog.directory():
        async with look(worker("doctor", entry.club)) as tx:
            found += [row for row in await tx.settlements.of_club() if row.first_club == entry.club]
    states = Counter(row.state for row in found)
    told = f"{states[SettlementState.SETTLED]} settled, {states[SettlementState.OPEN]} open"
    troubled = [row for row in found if row.state in TROUBLED]
    if not troubled:
        return [Check(subject=SUBJECT, found=told)]
    said = ", ".join(f"{states[state]} {state}" for state in TROUBLED if states[state])
    advice = f"concordat settlement list --club {troubled[0].first_club} names the visits."
    return [Check(subject=SUBJECT, state=State.WARNING, found=f"{told}, {said}", advice=advice)]
