"""SQLite keeps the promises of what pairs settle, in memory and in a file."""

from tests.contracts.settlements import SettlementsContract
from tests.contracts.worlds import InFile, InMemory


class TestSettlementsInMemory(InMemory, SettlementsContract):
    pass


class TestSettlementsInFile(InFile, SettlementsContract):
    pass
