"""The clubs module put together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.inbound.jobs.conclusion import Conclusion
from adapters.inbound.jobs.runner import Job
from adapters.inbound.jobs.trouble import teller
from adapters.inbound.rest.edge.metrics import Reading
from adapters.outbound.sql.clubs import SqlClubsTx
from app.clubs.agreements import Agreements
from app.clubs.clubs import Clubs
from app.clubs.members import Members
from app.clubs.pair_keys import PairKeys
from app.clubs.receipts import VisitReceipts
from app.clubs.settlements import CONSUMER as SETTLEMENTS
from app.clubs.settlements import Settlements
from app.clubs.verdicts import Verdicts
from app.clubs.visit_counts import CONSUMER, VisitCounts
from app.clubs.visits import Visits
from app.workers import Turns
from concordat.assembly.log import build_receipts, build_trust
from concordat.assembly.workers import build_guard
from concordat.module import Infrastructure, Service, Subscription
from core.clubs.settlement import SettlementState
from core.clubs.visit import VisitCheckedIn


@dataclass(frozen=True, slots=True, kw_only=True)
class ClubsUseCases:
    """What the edges of the module call."""

    clubs: Clubs
    members: Members
    agreements: Agreements
    visits: Visits
    receipts: VisitReceipts
    verdicts: Verdicts
    visit_counts: VisitCounts
    settlements: Settlements


def build(i: Infrastructure) -> ClubsUseCases:
    parts = i.parts(SqlClubsTx)
    return ClubsUseCases(
        clubs=Clubs(**parts, network=i.network, backlog=i.backlog, random_bytes=i.random_bytes),
        members=Members(**parts, random_bytes=i.random_bytes),
        agreements=Agreements(**parts),
        visits=Visits(**parts, random_bytes=i.random_bytes),
        receipts=VisitReceipts(**parts, receipts=build_receipts(i)),
        verdicts=Verdicts(**parts),
        visit_counts=VisitCounts(**parts),
        settlements=Settlements(
            **parts,
            pairs=i.pairs,
            keys=PairKeys(secrets=i.secrets, key_pair=i.key_pair, random_bytes=i.random_bytes),
            trust=build_trust(i),
            signatures=i.signatures,
            guard=build_guard(i),
            backlog=i.backlog,
        ),
    )


def routers(use_cases: ClubsUseCases, _: Infrastructure) -> Sequence[Any]:
    """The desk's first: routes are matched in order. Imported here, since only a process with REST needs FastAPI."""
    from adapters.inbound.rest.clubs.agreements import agreements_router
    from adapters.inbound.rest.clubs.clubs import clubs_router
    from adapters.inbound.rest.clubs.members import members_router
    from adapters.inbound.rest.clubs.receipts import receipts_router
    from adapters.inbound.rest.clubs.settlements import settlements_router
    from adapters.inbound.rest.clubs.verdicts import verdicts_router
    from adapters.inbound.rest.clubs.visits import visits_router

    return (
        visits_router(use_cases.visits),
        receipts_router(use_cases.receipts),
        members_router(use_cases.members),
        agreements_router(use_cases.agreements),
        clubs_router(use_cases.clubs),
        verdicts_router(use_cases.verdicts, use_cases.visit_counts),
        settlements_router(use_cases.settlements),
    )


def services(use_cases: ClubsUseCases, i: Infrastructure) -> Sequence[Service]:
    """Imported here, since only a process that serves gRPC needs it."""
    from adapters.inbound.grpc.clubs.visits import NAME, VisitServicer
    from adapters.inbound.grpc.generated.concordat.v1.visits_pb2_grpc import add_VisitServiceServicer_to_server

    servicer = VisitServicer(use_cases.visits, use_cases.receipts, cursor_key=i.cursor_key)
    return (Service(name=NAME, servicer=servicer, add=add_VisitServiceServicer_to_server),)


def subscriptions(use_cases: ClubsUseCases) -> Sequence[Subscription]:
    types = frozenset({VisitCheckedIn.type})
    return (
        Subscription(consumer=CONSUMER, types=types, handler=use_cases.visit_counts.on_checked_in),
        Subscription(consumer=SETTLEMENTS, types=types, handler=use_cases.settlements.on_checked_in),
    )


def jobs(use_cases: ClubsUseCases, i: Infrastructure) -> Sequence[Job]:
    work = {
        "clubs.conclude_agreements": use_cases.agreements.conclude,
        "clubs.conclude_visits": use_cases.visits.conclude,
        "clubs.settle_visits": use_cases.settlements.settle,
    }
    return tuple(
        Job(
            name=name,
            every_seconds=i.rhythm.conclude_seconds,
            tick=Conclusion(conclude=conclude, backlog=i.backlog, turns=Turns(now=i.now, tell=teller(name))).tick,
        )
        for name, conclude in work.items()
    )


def gauges(use_cases: ClubsUseCases, _: Infrastructure) -> Sequence[Reading]:
    """Closed months of pairs that are not settled, by where they stand; nothing where no worker has had its turn."""
    standing = Counter(use_cases.settlements.standing.values())
    return tuple(
        Reading(
            name="concordat_unsettled_periods",
            help="Closed months of pairs of clubs that are not settled",
            value=standing[state],
            labels={"state": state},
        )
        for state in SettlementState
        if state is not SettlementState.SETTLED
    )
