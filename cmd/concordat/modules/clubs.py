"""The manifest of the clubs module: clubs, their members, the agreements between them, and visits."""

from dataclasses import dataclass

from adapters.inbound.jobs.conclusion import Conclusion
from adapters.inbound.jobs.runner import Job
from adapters.outbound.sql.clubs import SqlClubsTx
from app.clubs.agreements import Agreements
from app.clubs.clubs import Clubs
from app.clubs.members import Members
from app.clubs.verdicts import Verdicts
from app.clubs.visit_counts import CONSUMER, VisitCounts
from app.clubs.visits import Visits
from concordat.module import Infrastructure, Module, Subscription, names
from core.clubs.visit import VisitCheckedIn


@dataclass(frozen=True, slots=True, kw_only=True)
class ClubsUseCases:
    """What the edges of the module call."""

    clubs: Clubs
    members: Members
    agreements: Agreements
    visits: Visits
    verdicts: Verdicts
    visit_counts: VisitCounts
    conclusion: Conclusion


def build(i: Infrastructure) -> ClubsUseCases:
    parts = i.parts(SqlClubsTx)
    return ClubsUseCases(
        clubs=Clubs(**parts, network=i.network, backlog=i.backlog, random_bytes=i.random_bytes),
        members=Members(**parts, random_bytes=i.random_bytes),
        agreements=(agreements := Agreements(**parts)),
        visits=Visits(**parts, random_bytes=i.random_bytes),
        verdicts=Verdicts(**parts),
        visit_counts=VisitCounts(**parts),
        conclusion=Conclusion(agreements=agreements, backlog=i.backlog),
    )


_READ = "club.read agreement.read visit.read visit_count.read verdict.read directory.read "
_DESK = _READ + "member.read visit.request visit.confirm visit.check_in visit.check_out visit.cancel "
_TERMS = "agreement.draft agreement.negotiate agreement.accept agreement.suspend agreement.end "
_OFFICE = _DESK + _TERMS + "club.amend member.enrol member.amend member.record member.erase"
_NETWORK = names("clubs", "club.found directory.read")

CLUBS = Module(
    name="clubs",
    docs="docs/modules/clubs.md",
    build=build,
    permissions=names("clubs", _OFFICE) | _NETWORK,
    network_permissions=_NETWORK,
    roles={
        "operator": _NETWORK,
        "secretary": names("clubs", _OFFICE),
        "concierge": names("clubs", _DESK),
        "auditor": names("clubs", _READ),
    },
    tables=frozenset(["club", "member", "member_number", "agreement", "visit", "standing_grant", "visit_count"]),
    codes=frozenset({"club", "member", "agreement", "visit"}),
    packages=("core.clubs", "ports.clubs", "app.clubs"),
    subscriptions=lambda use_cases: [
        Subscription(
            consumer=CONSUMER, types=frozenset({VisitCheckedIn.type}), handler=use_cases.visit_counts.on_checked_in
        )
    ],
    jobs=lambda use_cases, i: [
        Job(name="clubs.conclude", every_seconds=i.rhythm.conclude_seconds, tick=use_cases.conclusion.tick)
    ],
)
