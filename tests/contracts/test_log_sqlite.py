"""SQLite keeps the promises of the log, in memory and in a file."""

from tests.contracts.log import LogContract
from tests.contracts.worlds import InFile, InMemory


class TestLogInMemory(InMemory, LogContract):
    pass


class TestLogInFile(InFile, LogContract):
    pass
