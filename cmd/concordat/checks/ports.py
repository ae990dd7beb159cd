"""Which adapter serves each port, and whether it answers."""

import os
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from adapters.outbound.sql.database import Database
from concordat import clocks
from concordat.builders import build_secrets, open_database
from concordat.checks import Ask, Check, State, adapter_of, examine_port
from concordat.checks.database import examine_database
from concordat.checks.ledger import examine_ledger
from concordat.checks.logs import examine_exchanges, examine_logs, examine_network
from concordat.checks.settlements import examine_settlements
from concordat.checks.witnesses import examine_witnesses
from concordat.container import System, running
from concordat.locks import sqlite_file
from concordat.lost import ADVICE, lost
from concordat.running import find_running
from concordat.settings import Settings, without_password
from ports.secrets import Secrets
from ports.unit_of_work import StoreUnavailable
from shared.errors import ConcordatError

_database_alone = asynccontextmanager(open_database)


async def examine(settings: Settings) -> list[Check]:
    """Every part that can be asked: a system without its secrets cannot start, and what is not there is not made."""
    file, secrets = sqlite_file(settings.database), build_secrets(settings)
    if file is not None and not file.exists():
        return [*await _lost(settings, secrets, None), _missing(settings, file)]
    async with _database_alone(settings, clocks.now, clocks.new_id, clocks.random_bytes) as database:
        # Where secrets were lost, not even their folder is made.
        kept = await _lost(settings, secrets, database) or [
            await examine_port("secrets", secrets, settings.secrets_url, secrets.check)
        ]
        checks = [_process(settings), *kept]
        if kept[0].state is State.FAILED:
            return [*checks, *await examine_database(database)]
    async with running(settings) as system:
        return [*checks, *await _examine_ports(system)]


async def _lost(settings: Settings, secrets: Secrets, database: Database | None) -> list[Check]:
    """A check where secrets are missing that a system which has begun needs, or may need."""
    advice = ADVICE
    try:
        found = await lost(settings, secrets, database)
    except StoreUnavailable:
        found, advice = "some are missing, and only the database knows whether they were lost", "Let it answer first."
    except ConcordatError:
        # The store says that itself, once it is asked whether it answers.
        found = None
    if found is None:
        return []
    adapter = adapter_of(secrets, settings.secrets_url)
    return [Check(subject="secrets", adapter=adapter, state=State.FAILED, found=found, advice=advice)]


def _missing(settings: Settings, file: Path) -> Check:
    """Nothing is wrong with that where it will be made."""
    found, state, advice = f"there is no {file} yet", State.FAILED, "Run concordat migrate."
    if not _makeable(file.parent):
        found, advice = f"{found}, and its folder cannot be written", "Name another CONCORDAT_DATA_FOLDER."
    elif settings.local:
        state, advice = State.OK, "concordat serve makes it."
    return Check(subject="database", adapter="sqlite", state=state, found=found, advice=advice)


def _makeable(folder: Path) -> bool:
    """Whether it is there or can be made, and be written by us."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


async def _examine_ports(system: System) -> list[Check]:
    settings, i = system.settings, system.infrastructure
    asked: tuple[tuple[str, object, str, Ask], ...] = (
        ("bus", i.bus, settings.bus_url, i.bus.check),
        ("publication", i.publication, settings.publication_url, i.publication.check),
    )
    ledger = await examine_ledger(system)
    checks = [*ledger, *[await examine_port(subject, port, url, ask) for subject, port, url, ask in asked]]
    database = await examine_database(system.database)
    if all(check.state is State.OK for check in database):
        checks += _parked(await i.parking.counts())
        checks += await examine_settlements(system)
        checks += await examine_exchanges(system)
        checks += await examine_network(system)
    # Logs are compared with the ledger, so it has to answer.
    if ledger[0].state is State.OK and all(check.state is not State.FAILED for check in (*checks, *database)):
        checks += await examine_logs(system)
    if all(check.state is not State.FAILED for check in database):
        checks += await examine_witnesses(system)
    first = replace(database[0], adapter=f"{database[0].adapter} ({without_password(settings.database)})")
    return [first, *database[1:], *checks]


def _parked(counts: Mapping[str, int]) -> Iterator[Check]:
    for consumer, messages in sorted(counts.items()):
        found = f"{consumer} could not handle {messages} message{'s' if messages != 1 else ''}"
        advice = "See concordat parked list; retry them once the cause is gone, or drop them."
        yield Check(subject="parked", state=State.WARNING, found=found, advice=advice)


def _process(settings: Settings) -> Check:
    found = find_running(settings.data_folder)
    if found is None:
        return Check(subject="process", found="none serves this data folder now")
    where = ", ".join(address for address in (found.api, found.grpc, found.admin) if address)
    return Check(subject="process", found=f"{found.pid} serves this data folder ({where})")
