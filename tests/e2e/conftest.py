"""Installations on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.served import Installation
from tests.support.databases import postgres_database, postgres_template
from tests.support.fabric_programs import versions
from tests.support.processes import Process

# On a real network, where Fabric's programs are: the last lines of a run say which of them ran.
collect_ignore = [] if versions() else ["test_fabric.py"]

__all__ = ["postgres_database", "postgres_template"]


@pytest.fixture(params=["sqlite", "postgres"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """Migrated where serving does not migrate by itself."""
    if request.param == "sqlite":
        return Installation(folder=tmp_path)
    return Installation(folder=tmp_path, database_url=request.getfixturevalue("postgres_database").url)


@pytest.fixture
def server(installation: Installation) -> Iterator[Process]:
    """One process with everything, running."""
    with installation.serve() as process:
        yield process
