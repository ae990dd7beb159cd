"""Postgres keeps the promises of what pairs settle."""

from tests.contracts.settlements import SettlementsContract
from tests.contracts.worlds import InPostgres


class TestSettlementsOnPostgres(InPostgres, SettlementsContract):
    pass
