"""The manifest of the log: every club's verifiable log, from pending records to anchored checkpoints and receipts."""

from dataclasses import dataclass

from adapters.outbound.sql.log import SqlLogTx
from app.log.published import PublishedLogs
from app.log.receipts import Receipts
from app.log.trust import Trust
from concordat.module import Infrastructure, Module
from concordat.workers import LogWorkers, build_workers


@dataclass(frozen=True, slots=True, kw_only=True)
class LogUseCases:
    """What the edges of the log call, and its workers."""

    receipts: Receipts
    published: PublishedLogs
    trust: Trust
    workers: LogWorkers


def build(i: Infrastructure) -> LogUseCases:
    look = i.look(SqlLogTx)
    trust = Trust(look=look, backlog=i.backlog, ledger=i.ledger)
    return LogUseCases(
        receipts=Receipts(look=look, allow=i.allow, trust=trust, verify=i.verify),
        published=PublishedLogs(look=look, backlog=i.backlog),
        trust=trust,
        workers=build_workers(i),
    )


_READ, _ANCHOR = "log.receipt.read", "log.anchor.ask"

LOG = Module(
    name="log",
    docs="docs/modules/log.md",
    build=build,
    permissions=frozenset({_READ, _ANCHOR}),
    roles={
        "operator": frozenset({_ANCHOR}),
        "secretary": frozenset({_READ, _ANCHOR}),
        "concierge": frozenset({_READ, _ANCHOR}),
        "auditor": frozenset({_READ, _ANCHOR}),
    },
    tables=frozenset({"record", "disclosure", "subject", "log", "leaf", "tile", "log_key", "checkpoint", "anchor"}),
    codes=frozenset({"log", "ledger", "publication"}),
    packages=("core.log", "ports.log", "ports.ledger", "app.log"),
    jobs=lambda use_cases, i: use_cases.workers.jobs(i),
    alarms=lambda use_cases: use_cases.workers.alarms(),
)
