"""Bringing a database to the schema that this version needs, and the runtime role that may use it."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from adapters.outbound.sql.policies import grant
from adapters.outbound.sql.schema import OUTSIDE_ROW_LEVEL_SECURITY
from adapters.outbound.sql.tables import metadata

RUNTIME_ROLE = "concordat_runtime"
_FOLDER = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """From which revision to which; `url` is the one to serve with (it holds the runtime role's password)."""

    before: str | None
    after: str | None
    url: str


async def migrate(owner_url: str, *, password: str | None = None, revision: str = "head") -> Migrated:
    """Migrate as the owner. On Postgres also make the runtime role, which owns nothing, and grant it what it needs.

    Without `password` a new role gets a random one, and an existing role keeps its own, which `url` then cannot show.
    """
    url = make_url(owner_url)
    postgres = url.get_backend_name() == "postgresql"
    engine = create_async_engine(url.set(drivername="postgresql+asyncpg" if postgres else "sqlite+aiosqlite"))
    if not postgres and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        async with engine.begin() as connection:
            before = await connection.run_sync(revision_of)
            await connection.run_sync(_run, revision)
            after = await connection.run_sync(revision_of)
            if postgres and after is not None:
                password = await _runtime_role(connection, password)
                url = url.set(username=RUNTIME_ROLE, password=password)
    finally:
        await engine.dispose()
    return Migrated(before=before, after=after, url=url.render_as_string(hide_password=False))


def revision_of(connection: Connection) -> str | None:
    """The revision that a database is at; None before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """The revision that this version of the code needs."""
    return ScriptDirectory(str(_FOLDER)).get_current_head()


def _run(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    before = revision_of(connection)
    script = ScriptDirectory(str(_FOLDER))
    known = [one.revision for one in script.walk_revisions()]
    target = script.get_current_head() if revision == "head" else revision
    if target == "base" or (before in known and target in known and known.index(target) > known.index(before)):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


async def _runtime_role(connection: AsyncConnection, password: str | None) -> str:
    exists = await connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": RUNTIME_ROLE})
    if not exists or password is not None:
        password = password or secrets.token_urlsafe(24)
        verb = "ALTER" if exists else "CREATE"
        quoted = await connection.scalar(text("SELECT quote_literal(CAST(:password AS text))"), {"password": password})
        options = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
        await connection.exec_driver_sql(f"{verb} ROLE {RUNTIME_ROLE} {options} PASSWORD {quoted}")
    await connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {RUNTIME_ROLE}")
    await connection.exec_driver_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    await connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {RUNTIME_ROLE}")
    await connection.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {RUNTIME_ROLE}")
    for table in metadata.sorted_tables:
        for statement in grant(table, RUNTIME_ROLE):
            await connection.exec_driver_sql(statement)
    return password or ""


__all__ = ["OUTSIDE_ROW_LEVEL_SECURITY", "RUNTIME_ROLE", "Migrated", "migrate", "newest_revision", "revision_of"]
