"""The databases that these tests run on."""

from tests.support.databases import (
    postgres_database,
    postgres_template,
    shared_postgres_database,
    sqlite_template,
    sqlite_url,
)

__all__ = ["postgres_database", "postgres_template", "shared_postgres_database", "sqlite_template", "sqlite_url"]
