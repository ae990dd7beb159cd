"""The databases that these tests run on."""

import pytest

from tests.support.databases import (
    postgres_database,
    postgres_template,
    shared_postgres_database,
    sqlite_template,
    sqlite_url,
)

pytest.register_assert_rewrite(
    "tests.integration.sql.concurrency", "tests.integration.sql.delivery", "tests.integration.sql.migrations"
)

__all__ = ["postgres_database", "postgres_template", "shared_postgres_database", "sqlite_template", "sqlite_url"]
