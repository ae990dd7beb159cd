"""The manifest of the clubs module: clubs, their members, the agreements between them, and visits."""

from app.clubs.audited import AUDITED
from concordat.assembly.clubs import ClubsUseCases, build, gauges, jobs, routers, services, subscriptions
from concordat.module import Module, names

_READ = "club.read agreement.read visit.read visit_count.read verdict.read settlement.read directory.read "
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
    tables=frozenset(
        {"club", "member", "member_number", "agreement", "visit", "standing_grant", "visit_count", "settlement"}
    ),
    codes=frozenset({"club", "member", "agreement", "visit", "settlement"}),
    packages=("core.clubs", "ports.clubs", "app.clubs"),
    routers=routers,
    services=services,
    subscriptions=subscriptions,
    jobs=jobs,
    gauges=gauges,
    audited=AUDITED,
)

__all__ = ["CLUBS", "ClubsUseCases"]
