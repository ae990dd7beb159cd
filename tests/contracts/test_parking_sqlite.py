"""SQLite keeps the promises of the parking, in memory and in a file."""

from tests.contracts.parking import ParkingContract
from tests.contracts.worlds import InFile, InMemory


class TestParkingInMemory(InMemory, ParkingContract):
    pass


class TestParkingInFile(InFile, ParkingContract):
    pass
