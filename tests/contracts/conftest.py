"""The databases that suites may run on, and the networks."""

from tests.support.databases import (
    postgres_database,
    postgres_template,
    shared_postgres_database,
    sqlite_template,
    sqlite_url,
)
from tests.support.fabric_backends import backend, ledgers, network, real_networks

__all__ = [
    "backend",
    "ledgers",
    "network",
    "postgres_database",
    "postgres_template",
    "real_networks",
    "shared_postgres_database",
    "sqlite_template",
    "sqlite_url",
]
