"""SQLite keeps the promises of witnessed heads, in memory and in a file."""

from tests.contracts.witnessed import WitnessedContract
from tests.contracts.worlds import InFile, InMemory


class TestWitnessedInMemory(InMemory, WitnessedContract):
    pass


class TestWitnessedInFile(InFile, WitnessedContract):
    pass
