"""Postgres keeps the promises of the unit of work."""

from tests.contracts.unit_of_work import UnitOfWorkContract
from tests.contracts.worlds import InPostgres


class TestUnitOfWorkOnPostgres(InPostgres, UnitOfWorkContract):
    pass
