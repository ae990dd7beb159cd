"""The log put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.outbound.sql.log import SqlLogTx
from app.log.published import PublishedLogs
from app.log.receipts import Receipts
from app.log.trust import Trust
from concordat.assembly.workers import LogWorkers, build_workers
from concordat.module import Infrastructure, Service


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


def routers(use_cases: LogUseCases, _: Infrastructure) -> Sequence[Any]:
    """Imported here, since only a process that serves REST needs FastAPI."""
    from adapters.inbound.rest.log import log_router, tiles_router

    return (
        log_router(use_cases.receipts, use_cases.trust, use_cases.workers.anchoring),
        tiles_router(use_cases.published),
    )


def services(use_cases: LogUseCases, _: Infrastructure) -> Sequence[Service]:
    """Imported here, since only a process that serves gRPC needs it."""
    from adapters.inbound.grpc.generated.concordat.v1.log_pb2_grpc import add_LogServiceServicer_to_server
    from adapters.inbound.grpc.log import NAME, LogServicer

    servicer = LogServicer(use_cases.receipts, use_cases.published)
    return (Service(name=NAME, servicer=servicer, add=add_LogServiceServicer_to_server),)
