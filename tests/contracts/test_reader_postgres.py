"""Postgres keeps the promises of the reader."""

from tests.contracts.reader import ReaderContract, members
from tests.contracts.worlds import InPostgres

__all__ = ["members"]


class TestReaderOnPostgres(InPostgres, ReaderContract):
    pass
