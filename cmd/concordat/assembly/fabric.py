"""The ledger on Fabric put together: its profile, the connection, attempts in the database; and what it counts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.inbound.rest.edge.metrics import Reading
from adapters.outbound.fabric.gateway.gateway import Gateway
from adapters.outbound.fabric.ledger import FabricLedger
from adapters.outbound.fabric.profile import ProfileRefused, Settings, read_profile
from adapters.outbound.signatures import SIGNATURES
from adapters.outbound.sql.attempts import SqlAttempts
from adapters.outbound.sql.database import Database
from concordat.failures import USAGE, Failure
from ports.ledger import Ledger

_OUTCOMES, _FAILURES = "concordat_ledger_transactions", "concordat_ledger_failures"


@asynccontextmanager
async def open_fabric_ledger(profile: Path, database: Database, anchor_seed: bytes) -> AsyncIterator[FabricLedger]:
    """Nothing is dialled before the ledger is asked for the first time. Raises Failure for a profile that is none."""
    told = profile_at(profile)
    async with Gateway.connect(told.peers, told.identity, told.sign) as gateway:
        contract = gateway.contract(told.channel, told.contract)
        yield FabricLedger(contract, SqlAttempts(database), told.trust, anchor_seed, SIGNATURES.endorsement)


def profile_at(file: Path) -> Settings:
    """Raises Failure, with what to do."""
    try:
        return read_profile(file)
    except ProfileRefused as refused:
        advice = "Mend it (docs/how-to/run-on-fabric.md), or name another file: CONCORDAT_LEDGER_URL=fabric:FILE."
        raise Failure(str(refused), advice, status=USAGE) from None


def ledger_gauges(ledger: Ledger) -> Sequence[Reading]:
    """What a ledger on Fabric has counted since the process began; nothing of any other."""
    if not isinstance(ledger, FabricLedger):
        return ()
    outcomes = [
        Reading(name=_OUTCOMES, help="What became of transactions", value=count, labels={"outcome": outcome})
        for outcome, count in ledger.outcomes.items()
    ]
    failures = [
        Reading(
            name=_FAILURES,
            help="What a Fabric network refused or left unanswered",
            value=count,
            labels={"fault": fault},
        )
        for fault, count in ledger.failures.items()
    ]
    return [*outcomes, *failures]
