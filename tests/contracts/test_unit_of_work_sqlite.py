"""SQLite keeps the promises of the unit of work, in memory and in a file."""

from tests.contracts.unit_of_work import UnitOfWorkContract
from tests.contracts.worlds import InFile, InMemory


class TestUnitOfWorkInMemory(InMemory, UnitOfWorkContract):
    pass


class TestUnitOfWorkInFile(InFile, UnitOfWorkContract):
    pass
