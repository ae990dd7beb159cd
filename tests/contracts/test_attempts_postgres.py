"""Postgres keeps the promises of attempts."""

from tests.contracts.attempts import AttemptsContract
from tests.contracts.worlds import InPostgres


class TestAttemptsOnPostgres(InPostgres, AttemptsContract):
    pass
