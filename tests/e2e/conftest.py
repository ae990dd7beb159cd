"""Installations on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.served import Installation
from tests.support.databases import postgres_database, postgres_template
from tests.support.processes import Process

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
