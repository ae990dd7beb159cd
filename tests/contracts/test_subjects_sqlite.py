"""SQLite keeps the promises about keys and erasure, in memory and in a file."""

from tests.contracts.subjects import SubjectsContract
from tests.contracts.worlds import InFile, InMemory


class TestSubjectsInMemory(InMemory, SubjectsContract):
    pass


class TestSubjectsInFile(InFile, SubjectsContract):
    pass
