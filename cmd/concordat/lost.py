"""Secrets are made at the first start, and for a new system only: a system that has begun needs those that it has."""

from adapters.outbound.local.journal import FILE
from adapters.outbound.sql.database import Database
from concordat.builders import CURSOR_KEY, TOKEN_SEED, WITNESS_SEED, build_secrets, ledger_folder
from concordat.failures import Failure
from concordat.locks import sqlite_file
from concordat.schema import has_table
from concordat.settings import PREFIX, Settings
from ports.secrets import Secrets

ADVICE = (
    f"Put the copy of the secrets back, or check {PREFIX}SECRETS_URL and {PREFIX}DATA_FOLDER, which may name another "
    "folder. Nothing was made in their place."
)

# Those that every process has to have (docs/how-to/run-on-postgres.md); a log whose own key is lost is frozen.
_EVERYWHERE = (TOKEN_SEED, CURSOR_KEY, WITNESS_SEED)


async def open_secrets(settings: Settings, database: Database) -> Secrets:
    """The store, in which a new system may make what it needs.

    Raises Failure where secrets were lost: clubs founded under other ones could not live with the right ones.
    StoreUnavailable where some are missing, and the database that knows whether it has begun does not answer.
    """
    secrets = build_secrets(settings)
    found = await lost(settings, secrets, database)
    if found is not None:
        raise Failure(f"{found[0].upper()}{found[1:]}.", ADVICE)
    return secrets


async def lost(settings: Settings, secrets: Secrets, database: Database | None) -> str | None:
    """What is wrong where the system has begun and secrets are missing. `database` is None where there is none yet.

    The database is asked only where something is missing.
    """
    if not await _missing(secrets):
        return None
    clubs = database is not None and await _has_clubs(settings, database)
    ledger = ledger_folder(settings)
    entries = ledger is not None and (ledger / FILE).is_file() and (ledger / FILE).stat().st_size > 0
    # Another process may have made them meanwhile, and begun after that.
    missing = await _missing(secrets)
    if clubs and missing:
        return f"the database has clubs, and these secrets of theirs are missing: {', '.join(missing)}"
    if entries and WITNESS_SEED in missing:
        return f"the ledger has entries, and the secret that they were signed with is missing: {WITNESS_SEED}"
    return None


async def _missing(secrets: Secrets) -> list[str]:
    return [name for name in _EVERYWHERE if await secrets.get(name) is None]


async def _has_clubs(settings: Settings, database: Database) -> bool:
    file = sqlite_file(settings.database)
    if file is not None and not file.exists():
        # To ask would make it.
        return False
    async with database.reading(None) as session:
        return await has_table(session, "directory") and bool(
            await session.told("SELECT 1 AS one FROM directory LIMIT 1")
        )
