"""Bringing a database to the schema that this version needs, and the runtime role that may use it."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.outbound.sql.policies import grant
from adapters.outbound.sql.postgres import owners_engine
from adapters.outbound.sql.postgres_url import OF_THE_ROLE, is_postgres
from adapters.outbound.sql.schema import OUTSIDE_ROW_LEVEL_SECURITY
from adapters.outbound.sql.settings import Settings
from adapters.outbound.sql.sqlite import sqlite_engine
from adapters.outbound.sql.tables import metadata

RUNTIME_ROLE = "concordat_runtime"
_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x6D696772617465
_PATIENCE_SECONDS = 60.0


class UnknownRevision(Exception):
    """The database is at a revision that did not come with this version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """From which revision to which; `url` is the one to serve with (it holds the runtime role's password)."""

    before: str | None
    after: str | None
    url: str


async def migrate(owner_url: str, *, password: str | None = None, revision: str = "head") -> Migrated:
    """Migrate as the owner. On Postgres also make the runtime role, which owns nothing, and grant it what it needs.

    Without `password` a new role gets a random one, and an existing role keeps its own, which `url` then cannot show.
    Raises UnknownRevision, and what the engine raises.
    """
    url, postgres = make_url(owner_url), is_postgres(owner_url)
    engine = (
        owners_engine(owner_url)
        if postgres
        else sqlite_engine(Settings(url=owner_url, lock_timeout_seconds=_PATIENCE_SECONDS))
    )
    try:
        async with engine.begin() as connection:
            if postgres:
                # Whoever migrates at the same time waits here; on SQLite the transaction itself makes him wait.
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            before = await connection.run_sync(revision_of)
            await connection.run_sync(_run, revision)
            after = await connection.run_sync(revision_of)
            if postgres and after is not None:
                password = await _runtime_role(connection, password)
                url = url.set(username=RUNTIME_ROLE, password=password).difference_update_query(OF_THE_ROLE)
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
    if before is not None and before not in known:
        raise UnknownRevision(before)
    target = script.get_current_head() if revision == "head" else revision
    if target == "base" or (before in known and target in known and known.index(target) > known.index(before)):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


async def _runtime_role(connection: AsyncConnection, password: str | None) -> str:
    exists = await connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": RUNTIME_ROLE})
    if not exists or password is not None:
        password = password or secrets.token_urlsafe(24)
        quoted = await connection.scalar(text("SELECT quote_literal(CAST(:password AS text))"), {"password": password})
        # An owner who is no superuser may set the password of his role, and none of its other attributes.
        created = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD"
        verb, options = ("ALTER", "PASSWORD") if exists else ("CREATE", created)
        await connection.exec_driver_sql(f"{verb} ROLE {RUNTIME_ROLE} {options} {quoted}")
    await connection.run_sync(_grant)
    return password or ""


def _grant(connection: Connection) -> None:
    """The runtime role's rights, neither more nor less, whatever it had before."""
    inspector = inspect(connection)
    present = {name: {column["name"] for column in inspector.get_columns(name)} for name in inspector.get_table_names()}
    statements = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {RUNTIME_ROLE}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {RUNTIME_ROLE}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {RUNTIME_ROLE}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {RUNTIME_ROLE}",
        f"GRANT SELECT ON alembic_version TO {RUNTIME_ROLE}",
    ]
    for table in metadata.sorted_tables:
        if table.name in present:
            statements += grant(table, RUNTIME_ROLE, present[table.name])
    for statement in statements:
        connection.exec_driver_sql(statement)


__all__ = [
    "OUTSIDE_ROW_LEVEL_SECURITY",
    "RUNTIME_ROLE",
    "Migrated",
    "UnknownRevision",
    "migrate",
    "newest_revision",
    "revision_of",
]
