"""What a Postgres catalogue has to say for two clubs to be kept apart; each finding is a sentence."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from adapters.outbound.sql.migrate import RUNTIME_ROLE
from adapters.outbound.sql.schema import OUTSIDE_ROW_LEVEL_SECURITY, changeable
from adapters.outbound.sql.tables import metadata

_COMMANDS = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}
_TABLES = """
    SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = 'public' AND relkind IN ('r', 'p')"""
_BYPASSES = """
    SELECT 'view or foreign table ' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = 'public' AND relkind IN ('v', 'm', 'f')
    UNION ALL
    SELECT 'function ' || proname || ' runs as its owner' FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
    WHERE nspname = 'public' AND prosecdef"""
_OWNED = """
    SELECT 'relation ' || relname FROM pg_class WHERE relowner = $1::regrole
    UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE proowner = $1::regrole
    UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspowner = $1::regrole
    UNION ALL SELECT 'database ' || datname FROM pg_database WHERE datdba = $1::regrole"""
_GRANTS = """
    SELECT table_name, privilege_type, NULL AS column_name, grantee FROM information_schema.table_privileges
    WHERE table_schema = 'public' AND grantee IN ($1, 'PUBLIC') AND privilege_type <> 'UPDATE'
    UNION ALL
    SELECT table_name, privilege_type, column_name, grantee FROM information_schema.column_privileges
    WHERE table_schema = 'public' AND grantee IN ($1, 'PUBLIC') AND privilege_type = 'UPDATE'"""
_SEQUENCES = """
    SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
    AND (has_sequence_privilege($1, oid, 'UPDATE') OR has_sequence_privilege($1, oid, 'SELECT'))"""


async def findings(connection: "asyncpg.Connection[Any]") -> list[str]:
    """Everything that lets a club see or change more than its own; empty for a sound database."""
    checks = (_unprotected, _bypasses, _role, _rights, _policies)
    return [finding for check in checks async for finding in check(connection)]


def updatable(table: str) -> set[str]:
    """The columns that the runtime role may update."""
    made = metadata.tables[table]
    return set(changeable(made)) if "U" in made.info["rights"] else set()


async def _unprotected(connection: "asyncpg.Connection[Any]") -> AsyncIterator[str]:
    rows = {row["relname"]: row for row in await connection.fetch(_TABLES)}
    for name in sorted({*rows} ^ {*metadata.tables, "alembic_version"}):
        yield f"table {name} stands in the database or in the metadata alone"
    for name, row in sorted(rows.items()):
        if name not in OUTSIDE_ROW_LEVEL_SECURITY and not (row["relrowsecurity"] and row["relforcerowsecurity"]):
            yield f"table {name} does not force row-level security"


async def _bypasses(connection: "asyncpg.Connection[Any]") -> AsyncIterator[str]:
    for row in await connection.fetch(_BYPASSES):
        yield f"{row[0]} goes around row-level security"


async def _role(connection: "asyncpg.Connection[Any]") -> AsyncIterator[str]:
    role = await connection.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", RUNTIME_ROLE)
    assert role is not None
    for power in ("rolsuper", "rolbypassrls", "rolcreatedb", "rolcreaterole", "rolreplication"):
        if role[power]:
            yield f"the runtime role has {power}"
    for row in await connection.fetch(_OWNED, RUNTIME_ROLE):
        yield f"the runtime role owns {row[0]}"
    for row in await connection.fetch(
        "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = $1", role["oid"]
    ):
        yield f"the runtime role is a member of {row[0]}"
    for kind, name in (("schema", "public"), ("database", await connection.fetchval("SELECT current_database()"))):
        if await connection.fetchval(f"SELECT has_{kind}_privilege($1, $2, 'CREATE')", RUNTIME_ROLE, name):
            yield f"the runtime role may create in {kind} {name}"


async def _rights(connection: "asyncpg.Connection[Any]") -> AsyncIterator[str]:
    found = {tuple(row) for row in await connection.fetch(_GRANTS, RUNTIME_ROLE)}
    wanted: set[tuple[Any, ...]] = {("alembic_version", "SELECT", None, RUNTIME_ROLE)}
    for table in metadata.tables.values():
        verbs = (_COMMANDS[initial] for initial in table.info["rights"] if initial != "U")
        wanted |= {(table.name, verb, None, RUNTIME_ROLE) for verb in verbs}
        wanted |= {(table.name, "UPDATE", column, RUNTIME_ROLE) for column in updatable(table.name)}
    for table_name, verb, column, role in sorted(found - wanted, key=str):
        yield f"{role} may {verb} {table_name}{f'.{column}' if column else ''}"
    for table_name, verb, column, role in sorted(wanted - found, key=str):
        yield f"{role} may not {verb} {table_name}{f'.{column}' if column else ''}"
    for row in await connection.fetch(_SEQUENCES, RUNTIME_ROLE):
        yield f"the runtime role may set or look at sequence {row[0]}"


async def _policies(connection: "asyncpg.Connection[Any]") -> AsyncIterator[str]:
    found: dict[tuple[str, str], int] = {}
    for row in await connection.fetch("SELECT * FROM pg_policies WHERE schemaname = 'public'"):
        place = (row["tablename"], row["cmd"])
        found[place] = found.get(place, 0) + 1
        for rule in (row["qual"], row["with_check"]):
            if rule is not None and "app.club_id" not in rule:
                yield f"policy {row['policyname']} does not ask for the tenant"
    protected = [table for table in metadata.tables.values() if "parties" in table.info]
    wanted = {(table.name, _COMMANDS[initial]): 1 for table in protected for initial in table.info["rights"]}
    # A second permissive policy would be a second way in.
    for table_name, verb in sorted(place for place in {*found, *wanted} if found.get(place) != wanted.get(place)):
        yield f"table {table_name} has {found.get((table_name, verb), 0)} policies for {verb}"
