"""The audit: how many records a second `concordat log audit` re-checks, real ones of real visits, on Postgres."""

import time
from collections.abc import Sequence

from adapters.outbound.sql.audit import SqlAuditedLogs
from app.log import anchoring, integrator
from app.log.audit.audit import Audit
from app.log.audit.catalogue import Catalogue
from app.relay import CONSUMER as RELAY
from benchmarks.measures import Figure, Measured
from benchmarks.stage import Stage, settle, two_clubs
from concordat.container import System
from core.log.audit.findings import Finding


async def measure(stage: Stage, *, quick: bool) -> Sequence[Measured]:
    """Every check of both clubs' logs, in this process; a finding would be a defect."""
    rounds, visits = (3, 24) if quick else (7, 160)
    database = stage.template.copy()
    async with stage.opened(database) as system:
        await (await two_clubs(system)).visits(visits)
        await settle(system)
        rates = [await _audited(system) for _ in range(rounds + 1)]
    stage.template.server.drop_database(database.name)
    leaves = round(rates[0][0])
    return [
        Figure(
            name="audit, on Postgres",
            unit="/s",
            rounds=[leaves / seconds for leaves, seconds in rates[1:]],
            notes={"records": leaves},
        )
    ]


async def _audited(system: System) -> tuple[int, float]:
    """Leaves and seconds."""
    findings: list[Finding] = []
    began = time.perf_counter()
    logs = await _audit(system).run(findings.append)
    seconds = time.perf_counter() - began
    if findings:
        raise RuntimeError(f"the audit found {len(findings)} things, first of all {findings[0]}")
    return sum(log.leaves for log in logs), seconds


def _audit(system: System) -> Audit:
    modules = [built.module.audited for built in system.modules if built.module.audited is not None]
    i = system.infrastructure
    return Audit(
        logs=SqlAuditedLogs(i.database),
        ledger=i.ledger,
        signatures=i.signatures,
        network=system.infrastructure.network,
        catalogue=Catalogue.of(modules, frozenset({RELAY, integrator.CONSUMER, anchoring.CONSUMER})),
        publication=i.publication,
    )
