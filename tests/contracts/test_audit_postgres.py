"""Postgres keeps the promises of the audited logs."""

from tests.contracts.audit import AuditedBesideWritersContract
from tests.contracts.worlds import InPostgres


class TestAuditedLogsOnPostgres(InPostgres, AuditedBesideWritersContract):
    pass
