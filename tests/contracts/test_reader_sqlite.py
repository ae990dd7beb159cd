"""SQLite keeps the promises of the reader, in memory and in a file."""

from tests.contracts.reader import ReaderContract, members
from tests.contracts.worlds import InFile, InMemory

__all__ = ["members"]


class TestReaderInMemory(InMemory, ReaderContract):
    pass


class TestReaderInFile(InFile, ReaderContract):
    pass
