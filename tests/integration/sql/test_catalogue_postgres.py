"""The migrated Postgres keeps clubs apart by its catalogue, and every hole that was planted in it is found."""

from typing import Any

import asyncpg
import pytest

from adapters.outbound.sql.migrate import RUNTIME_ROLE
from tests.integration.sql.catalogue import findings, updatable
from tests.support.databases import PostgresDatabase

HOLES = {
    "table planted does not force row-level security": "CREATE TABLE planted (club_id uuid)",
    "table visit does not force row-level security": "ALTER TABLE visit NO FORCE ROW LEVEL SECURITY",
    "table member does not force row-level security": "ALTER TABLE member DISABLE ROW LEVEL SECURITY",
    "view or foreign table everybody goes around": "CREATE VIEW everybody AS SELECT * FROM member",
    "view or foreign table counted goes around": "CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM visit",
    "function leak runs as its owner goes around": (
        "CREATE FUNCTION leak() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM member'"
    ),
    f"{RUNTIME_ROLE} may UPDATE event.type": f"GRANT UPDATE (type) ON event TO {RUNTIME_ROLE}",
    f"{RUNTIME_ROLE} may DELETE record": f"GRANT DELETE ON record TO {RUNTIME_ROLE}",
    "PUBLIC may SELECT member": "GRANT SELECT ON member TO PUBLIC",
    f"{RUNTIME_ROLE} may not INSERT visit": f"REVOKE INSERT ON visit FROM {RUNTIME_ROLE}",
    "sequence pending_sequence_seq": f"GRANT UPDATE ON SEQUENCE pending_sequence_seq TO {RUNTIME_ROLE}",
    "table leaf has 2 policies for SELECT": "CREATE POLICY open ON leaf FOR SELECT USING (true)",
    "policy open does not ask for the tenant": "CREATE POLICY open ON leaf FOR SELECT USING (true)",
    "table tile has 0 policies for UPDATE": "DROP POLICY tile_update ON tile",
    "may create in schema public": f"GRANT CREATE ON SCHEMA public TO {RUNTIME_ROLE}",
    "the runtime role owns relation inbox": f"ALTER TABLE inbox OWNER TO {RUNTIME_ROLE}",
}


@pytest.fixture
async def superuser(shared_postgres_database: PostgresDatabase) -> Any:
    connection = await asyncpg.connect(shared_postgres_database.superuser_url)
    yield connection
    await connection.close()


async def test_catalogue_of_a_migrated_database_has_no_hole(superuser: Any) -> None:
    assert await findings(superuser) == []


@pytest.mark.parametrize("hole", HOLES)
async def test_planted_hole_is_found(superuser: Any, hole: str) -> None:
    transaction = superuser.transaction()
    await transaction.start()
    try:
        await superuser.execute(HOLES[hole])
        assert [finding for finding in await findings(superuser) if hole in finding]
    finally:
        await transaction.rollback()


@pytest.mark.parametrize(
    ("power", "named"), [("SUPERUSER", "rolsuper"), ("BYPASSRLS", "rolbypassrls"), ("CREATEROLE", "rolcreaterole")]
)
async def test_power_of_the_runtime_role_is_found(superuser: Any, power: str, named: str) -> None:
    transaction = superuser.transaction()
    await transaction.start()
    try:
        await superuser.execute(f"ALTER ROLE {RUNTIME_ROLE} {power}")
        assert f"the runtime role has {named}" in await findings(superuser)
    finally:
        await transaction.rollback()


@pytest.mark.parametrize("table", ["event", "record", "leaf", "checkpoint", "anchor", "answer", "inbox"])
def test_what_is_written_once_is_never_updated(table: str) -> None:
    assert updatable(table) == set()


@pytest.mark.parametrize(
    ("table", "fixed"),
    [
        ("visit", {"id", "host_club", "home_club"}),
        ("agreement", {"id", "proposer", "partner"}),
        ("member", {"id", "club_id"}),
        ("club", {"id"}),
        ("standing_grant", {"visit_id", "home_club", "host_club"}),
        ("directory", {"club", "origin"}),
        ("log", {"club_id", "origin"}),
    ],
)
def test_ids_clubs_and_origins_are_fixed_for_ever(table: str, fixed: set[str]) -> None:
    assert not updatable(table) & fixed
    assert updatable(table)
