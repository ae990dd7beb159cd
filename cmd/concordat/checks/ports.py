"""Which adapter serves each port, and whether it answers."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from concordat.checks import Check, State
from concordat.checks.database import examine_database
from concordat.container import System
from concordat.settings import without_password
from shared.errors import ConcordatError

Ask = Callable[[], Awaitable[object]]


async def examine_ports(system: System) -> list[Check]:
    """One check for each port, several for the database."""
    settings, i = system.settings, system.infrastructure
    asked: tuple[tuple[str, object, str, Ask], ...] = (
        ("secrets", i.secrets, settings.secrets_url, i.secrets.check),
        ("ledger", i.ledger, settings.ledger_url, i.ledger.check),
        ("bus", i.bus, settings.bus_url, i.bus.check),
        ("publication", i.publication, settings.publication_url, _published(system)),
    )
    checks = [await _examine(subject, port, url, ask) for subject, port, url, ask in asked]
    database = await examine_database(system.database)
    first = replace(database[0], found=f"{database[0].found} at {without_password(settings.database)}")
    checks += [first, *database[1:]]
    checks += [Check(subject="log", state=State.FAILED, found=alarm) for alarm in system.alarms()]
    return checks


async def _examine(subject: str, port: object, url: str, ask: Ask) -> Check:
    adapter = f"{type(port).__name__} ({without_password(url)})"
    try:
        await ask()
    except ConcordatError as error:
        advice = str(error.parameters.get("remedy", "Mend what is named here; nothing else can."))
        return Check(subject=subject, adapter=adapter, state=State.FAILED, found=str(error), advice=advice)
    return Check(subject=subject, adapter=adapter, found="answers")


def _published(system: System) -> Ask:
    """A log that nobody has is asked for: what can be answered at all says that there is none."""

    async def ask() -> object:
        return await system.infrastructure.publication.get(f"{system.settings.network}/nobody/1", "checkpoint")

    return ask
