"""The log put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.outbound.sql.log import SqlLogTx
from adapters.outbound.sql.witnessed import SqlWitnessedHeads
from app.log.cosigner import Cosigner
from app.log.published import PublishedLogs
from app.log.receipts import Receipts
from app.log.trust import Trust
from concordat.assembly.workers import LogWorkers, build_keys, build_workers
from concordat.module import Infrastructure, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class LogUseCases:
    """What the edges of the log call, and its workers."""

    receipts: Receipts
    published: PublishedLogs
    trust: Trust
    cosigner: Cosigner | None
    workers: LogWorkers


def build(i: Infrastructure) -> LogUseCases:
    return LogUseCases(
        receipts=build_receipts(i),
        published=PublishedLogs(look=i.look(SqlLogTx), backlog=i.backlog),
        trust=build_trust(i),
        cosigner=build_cosigner(i),
        workers=build_workers(i),
    )


def build_receipts(i: Infrastructure) -> Receipts:
    """For this module, and for others whose events somebody wants a receipt of."""
    return Receipts(look=i.look(SqlLogTx), allow=i.allow, trust=build_trust(i), signatures=i.signatures)


def build_cosigner(i: Infrastructure) -> Cosigner | None:
    """This deployment's witness; None where it is none."""
    if i.witnesses.own is None:
        return None
    key, sign = i.witnesses.own
    return Cosigner(
        heads=SqlWitnessedHeads(i.database),
        logs=i.witnesses.followed,
        key=key,
        sign=sign,
        verify=i.signatures.ed25519,
        now=i.now,
    )


def build_trust(i: Infrastructure) -> Trust:
    """What verifiers of this network are told."""
    return Trust(
        look=i.look(SqlLogTx), backlog=i.backlog, ledger=i.ledger, keys=build_keys(i), policy=i.witnesses.policy
    )


def routers(use_cases: LogUseCases, _: Infrastructure) -> Sequence[Any]:
    """Imported here, since only a process that serves REST needs FastAPI."""
    from adapters.inbound.rest.log import log_router, tiles_router
    from adapters.inbound.rest.witness import witness_router

    return (
        log_router(use_cases.receipts, use_cases.trust, use_cases.workers.anchoring),
        tiles_router(use_cases.published),
        witness_router(use_cases.cosigner),
    )


def services(use_cases: LogUseCases, _: Infrastructure) -> Sequence[Service]:
    """Imported here, since only a process that serves gRPC needs it."""
    from adapters.inbound.grpc.generated.concordat.v1.log_pb2_grpc import add_LogServiceServicer_to_server
    from adapters.inbound.grpc.log import NAME, LogServicer

    servicer = LogServicer(use_cases.receipts, use_cases.published)
    return (Service(name=NAME, servicer=servicer, add=add_LogServiceServicer_to_server),)
