"""Postgres keeps the promises of the parking."""

from tests.contracts.parking import ParkingContract
from tests.contracts.worlds import InPostgres


class TestParkingOnPostgres(InPostgres, ParkingContract):
    pass
