"""SQLite keeps the promises of attempts, in memory and in a file."""

from tests.contracts.attempts import AttemptsContract
from tests.contracts.worlds import InFile, InMemory


class TestAttemptsInMemory(InMemory, AttemptsContract):
    pass


class TestAttemptsInFile(InFile, AttemptsContract):
    pass
