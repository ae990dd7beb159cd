"""SQLite keeps the promises of the audited logs, in memory and in a file."""

from tests.contracts.audit import AuditedBesideWritersContract, AuditedLogsContract
from tests.contracts.worlds import InFile, InMemory


class TestAuditedLogsInMemory(InMemory, AuditedLogsContract):
    pass


class TestAuditedLogsInFile(InFile, AuditedBesideWritersContract):
    pass
