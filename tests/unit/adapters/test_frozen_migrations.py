"""A migration that databases have been through says for ever what it said then, whatever the code around it becomes."""

import importlib
import io
import json
from hashlib import sha256
from pathlib import Path

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from adapters.outbound.sql import policies

FROZEN: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[2] / "data" / "migrations.json").read_text(encoding="utf-8")
)
"""By file and engine, the SHA-256 of the statements that it sends. Whoever has to change one changes every database."""

VERSIONS = "adapters.outbound.sql.migrations.versions"


def emitted(name: str, engine: str) -> str:
    """The SHA-256 of what the migration of this file sends to this engine."""
    statements = io.StringIO()
    context = MigrationContext.configure(dialect_name=engine, opts={"as_sql": True, "output_buffer": statements})
    with Operations.context(context):
        importlib.import_module(f"{VERSIONS}.{name}").upgrade()
    return sha256(statements.getvalue().encode()).hexdigest()


@pytest.mark.parametrize("name", FROZEN)
def test_migration_sends_what_it_has_always_sent(name: str) -> None:
    assert {engine: emitted(name, engine) for engine in ("postgresql", "sqlite")} == FROZEN[name]


def test_policy_that_becomes_another_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(policies.EXCEPTIONS, "visit", {"INSERT": "true"})
    name = "v0002_clubs"
    assert emitted(name, "postgresql") != FROZEN[name]["postgresql"]
    assert emitted(name, "sqlite") == FROZEN[name]["sqlite"]
