"""The manifest of the log: every club's verifiable log, from pending records to anchored checkpoints and receipts."""

from app.log.audit.catalogue import Audited
from concordat.assembly.log import LogUseCases, build, routers, services
from concordat.module import Module
from core.log.rebuilding import LogRebuilt
from core.log.rotation import KeyRotated

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
    tables=frozenset(
        {"record", "disclosure", "subject", "log", "leaf", "lost_leaf", "tile", "log_key", "checkpoint", "anchor"}
        | {"attempt", "cosignature", "witnessed"}
    ),
    codes=frozenset({"log", "ledger", "publication", "witness"}),
    packages=("core.log", "ports.log", "ports.ledger", "ports.pairs", "ports.cosigners", "app.log"),
    routers=routers,
    services=services,
    jobs=lambda use_cases, i: use_cases.workers.jobs(i),
    audited=Audited(events=(LogRebuilt, KeyRotated)),
    alarms=lambda use_cases: use_cases.workers.alarms(),
    gauges=lambda use_cases, i: use_cases.workers.gauges(i),
)

__all__ = ["LOG", "LogUseCases"]
