"""Postgres keeps the promises of witnessed heads."""

from tests.contracts.witnessed import WitnessedContract
from tests.contracts.worlds import InPostgres


class TestWitnessedInPostgres(InPostgres, WitnessedContract):
    pass
