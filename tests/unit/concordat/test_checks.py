"""What doctor and readiness find wrong: each unsafe thing is planted once and named."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.outbound.sql.migrate import UnknownRevision, migrate, newest_revision
from concordat.checks import Check, State
from concordat.checks.database import (
    examine_database,
    unsafe_durability,
    unsafe_role,
    unsafe_timeouts,
    without_row_level_security,
    workers,
)
from concordat.checks.safety import is_loopback, unsafe_settings
from concordat.container import migrated, running
from concordat.failures import Failure
from concordat.lifespan import serving
from concordat.readiness import Readiness
from concordat.role import Role
from concordat.schema import State as SchemaState
from concordat.schema import revisions, schema_state
from concordat.settings import Settings, load
from tests.support.unprivileged import bound_by_modes, open_folder

REAL: Mapping[str, Any] = {
    "profile": "production",
    "network": "clubs.test",
    "issuer": "clubs.test",
    "audience": "clubs.test",
    "allowed_hosts": ("clubs.test",),
}


def failed(checks: list[Check]) -> str:
    """Everything that was found to be wrong, in one text."""
    return " ".join(check.found for check in checks if check.state is State.FAILED)


def real(**changes: Any) -> Settings:
    return load(**{**REAL, **changes})


def test_both_profiles_are_safe_as_they_come() -> None:
    assert unsafe_settings(load(profile="local")) == []
    assert unsafe_settings(real()) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"docs": True}, "docs"),
        ({"reflection": True}, "reflection"),
        ({"issuer": "local.concordat.example"}, "issuer"),
        ({"audience": "concordat.example"}, "audience"),
        ({"network": "local.concordat.example"}, "network"),
    ],
)
def test_unsafe_setting_of_a_real_profile_is_named_with_a_remedy(changes: dict[str, Any], named: str) -> None:
    (found,) = unsafe_settings(real(**changes))
    assert found.state is State.FAILED
    assert named in found.found
    assert f"CONCORDAT_{named.upper()}" in found.advice


@pytest.mark.parametrize("changes", [{"host": "192.0.2.1", "admin_host": "192.0.2.1"}, {"allowed_hosts": ()}])
def test_what_is_for_somebody_to_decide_is_a_warning(changes: dict[str, Any]) -> None:
    assert [found.state for found in unsafe_settings(real(**changes))] == [State.WARNING]


def test_local_profile_that_others_can_reach_is_a_warning() -> None:
    (found,) = unsafe_settings(load(profile="local", host="192.0.2.1"))
    assert found.state is State.WARNING


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("postgresql://ann@db.test/clubs", True),
        ("postgresql://ann@db.test/clubs?sslmode=prefer", True),
        ("postgresql://ann@/clubs?host=db.test", True),
        ("postgresql://ann@db.test/clubs?sslmode=require", False),
        ("postgresql://ann@127.0.0.1:5432/clubs", False),
        ("postgresql://ann@localhost/clubs", False),
        ("postgresql://ann@/clubs?host=/var/run/postgresql", False),
        ("sqlite:///clubs.db", False),
    ],
)
@pytest.mark.parametrize("profile", ["local", "production"])
def test_postgres_elsewhere_without_tls_is_a_warning_with_what_to_add(url: str, warned: bool, profile: str) -> None:
    found = unsafe_settings(load(**{**REAL, "profile": profile, "database_url": url}))
    assert [(each.state, "db.test" in each.found, "sslmode" in each.advice) for each in found] == (
        [(State.WARNING, True, True)] if warned else []
    )


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("192.0.2.1", False),
        ("10.0.0.1", False),
        ("a.b", False),
    ],
)
def test_loopback_is_what_this_machine_alone_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("role", "owned", "named"),
    [
        ({"rolsuper": True}, [], "superuser"),
        ({"rolbypassrls": True}, [], "bypasses"),
        ({}, ["club"], "owns club"),
        ({}, ["a", "b", "c", "d"], "owns a, b, c and more"),
    ],
)
def test_role_with_too_many_rights_is_named(role: dict[str, bool], owned: list[str], named: str) -> None:
    usual = {"name": "ann", "rolsuper": False, "rolbypassrls": False}
    assert failed(list(unsafe_role(usual, []))) == ""
    assert named in failed(list(unsafe_role({**usual, **role}, owned)))


def test_table_without_forced_row_level_security_is_named() -> None:
    assert failed(list(without_row_level_security(["inbox", "pending"]))) == ""
    assert "member" in failed(list(without_row_level_security(["inbox", "member"])))


SAFE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "statement_timeout": "10000",
    "lock_timeout": "3000",
    "idle_in_transaction_session_timeout": "15000",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("synchronous_commit", "off"),
        ("synchronous_commit", "local"),
        ("statement_timeout", "0"),
        ("statement_timeout", "10001"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "60000"),
    ],
)
def test_unsafe_setting_of_postgres_is_named(name: str, value: str) -> None:
    def found(settings: dict[str, str]) -> str:
        return failed([*unsafe_durability(settings), *unsafe_timeouts(settings)])

    assert found(SAFE) == ""
    assert name in found({**SAFE, name: value})


def test_second_worker_is_named() -> None:
    assert failed(list(workers([]))) == failed(list(workers(["concordat worker a:1"]))) == ""
    assert "b:2" in failed(list(workers(["concordat worker a:1", "concordat worker b:2"])))


def test_newest_revision_is_read_as_the_migrations_themselves_say() -> None:
    newest, known = revisions()
    assert newest == newest_revision()
    assert newest in known


async def test_schema_is_behind_current_or_unknown(tmp_path: Path) -> None:
    settings = load(profile="local", data_folder=tmp_path)
    async with running(settings) as system:
        async with system.database.reading(None) as session:
            assert await schema_state(session) is SchemaState.BEHIND
        await migrate(settings.database)
        async with system.database.reading(None) as session:
            assert await schema_state(session) is SchemaState.CURRENT
        async with system.database.transaction(None) as session:
            await session.connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v0001'")
        async with system.database.reading(None) as session:
            assert await schema_state(session) is SchemaState.BEHIND
        async with system.database.transaction(None) as session:
            await session.connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        async with system.database.reading(None) as session:
            assert await schema_state(session) is SchemaState.UNKNOWN
        states = {check.subject: check.state for check in await examine_database(system.database)}
        assert states == {"database": State.OK, "schema": State.FAILED}


@pytest.mark.parametrize("revision", ["0002", "v9999"])
async def test_database_at_a_revision_that_this_version_does_not_know_is_refused(tmp_path: Path, revision: str) -> None:
    """A database of before the first release was called current once, and then each of its requests failed."""
    settings = load(profile="local", data_folder=tmp_path, http_port=0, grpc_port=0, admin_port=0)
    await migrate(settings.database)
    async with running(settings) as system:
        ready = Readiness(system)
        async with system.database.transaction(None) as session:
            await session.connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (revision,))
        # Who serves already began with a schema that it knew, and does not mind that a newer version has migrated.
        assert all((await ready()).values())
    with pytest.raises(UnknownRevision):
        await migrate(settings.database)
    with pytest.raises(Failure, match=r"does not know its revision.+Make the database anew"):
        async with serving(settings, Role.HTTP):
            pass
    with pytest.raises(Failure, match="does not know its revision"):
        async with migrated(settings):
            pass


async def test_process_is_ready_once_the_schema_is_current_and_no_more_once_it_drains(tmp_path: Path) -> None:
    settings = load(profile="local", data_folder=tmp_path)
    async with running(settings) as system:
        assert await Readiness(system)() == {"settings": True, "database": False, "log": True, "serving": True}
        await migrate(settings.database)
        ready = Readiness(system)
        assert all((await ready()).values())
        ready.drain()
        assert (await ready())["serving"] is False


@pytest.mark.parametrize(("spoilt", "mode"), [("concordat.db", 0o444), (".", 0o555)])
async def test_database_file_that_cannot_be_written_is_named_and_the_process_is_not_ready(
    spoilt: str, mode: int
) -> None:
    with open_folder() as folder:
        settings = load(profile="local", data_folder=folder)
        await migrate(settings.database)
        async with running(settings) as system:
            assert failed(await examine_database(system.database)) == ""
        with bound_by_modes(folder):
            async with running(settings) as system:
                assert all((await Readiness(system)()).values())
                (folder / spoilt).chmod(mode)
                try:
                    assert f"{folder / spoilt} cannot be written" in failed(await examine_database(system.database))
                    assert (await Readiness(system)())["database"] is False
                finally:
                    (folder / spoilt).chmod(0o700)


async def test_process_with_unsafe_settings_is_not_ready(tmp_path: Path) -> None:
    async with running(real(data_folder=tmp_path, docs=True)) as system:
        assert (await Readiness(system)())["settings"] is False
