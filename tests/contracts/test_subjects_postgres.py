"""Postgres keeps the promises about keys and erasure."""

from tests.contracts.subjects import SubjectsContract
from tests.contracts.worlds import InPostgres


class TestSubjectsOnPostgres(InPostgres, SubjectsContract):
    pass
