"""The databases that these tests run on."""

import pytest

from tests.support.databases import (
    postgres_database,
    postgres_template,
    shared_postgres_database,
    sqlite_template,
    sqlite_url,
)

# Classes of tests that files for each engine subclass, and what they verify with.
pytest.register_assert_rewrite(
    "tests.integration.log.recovery",
    "tests.integration.log.restoring",
    "tests.integration.sql.concurrency",
    "tests.integration.sql.delivery",
    "tests.integration.sql.migrations",
    "tests.support.logs",
)

__all__ = ["postgres_database", "postgres_template", "shared_postgres_database", "sqlite_template", "sqlite_url"]
