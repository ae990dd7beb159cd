"""Postgres keeps the promises of the log."""

from tests.contracts.log import LogContract
from tests.contracts.worlds import InPostgres


class TestLogOnPostgres(InPostgres, LogContract):
    pass
