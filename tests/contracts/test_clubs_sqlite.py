"""SQLite keeps the promises of the clubs' repositories, in memory and in a file."""

from tests.contracts.clubs import ClubsContract, stranger
from tests.contracts.worlds import InFile, InMemory

__all__ = ["stranger"]


class TestClubsInMemory(InMemory, ClubsContract):
    pass


class TestClubsInFile(InFile, ClubsContract):
    pass
