"""Postgres keeps the promises of the clubs' repositories."""

from tests.contracts.clubs import ClubsContract, stranger
from tests.contracts.worlds import InPostgres

__all__ = ["stranger"]


class TestClubsOnPostgres(InPostgres, ClubsContract):
    pass
