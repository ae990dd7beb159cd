"""What makes the local profile usable at once: a club to try things on, and a token that may do everything in it."""

from datetime import timedelta
from uuid import UUID

from app.clubs.clubs import Clubs, FoundClub
from concordat.container import System
from concordat.module import roles_of
from concordat.modules.clubs import CLUBS
from core.clubs.geography import Position
from core.log.errors import MalformedOrigin
from core.log.origins import Origin
from ports.caller import Caller
from ports.clubs import SlugTaken
from ports.tokens import Claims
from ports.unit_of_work import Missing

PRINCIPAL = "developer"
SLUG = "development"
_FOUNDING = FoundClub(
    slug=SLUG,
    name="Development Club",
    zone="Europe/Zurich",
    currency="CHF",
    position=Position(latitude_microdegrees=47_376_900, longitude_microdegrees=8_541_700),
)


async def development_club(system: System) -> UUID | None:
    """The club, founded at the first start; None where the clubs module is not installed."""
    use_cases = next((built.use_cases for built in system.modules if built.module is CLUBS), None)
    if use_cases is None:
        return None
    return await club_of(system, SLUG) or await _found(system, use_cases.clubs)


async def club_of(system: System, slug: str) -> UUID | None:
    """The club with this slug, if there is one."""
    try:
        return (await system.infrastructure.backlog.entry(str(Origin(network=system.settings.network, club=slug)))).club
    except (Missing, MalformedOrigin):
        return None


def token_for(system: System, club: UUID | None) -> str:
    """A token of the developer with every role, for as long as the settings allow."""
    i = system.infrastructure
    lasts = timedelta(minutes=system.settings.token_minutes)
    return i.tokens.issue(Claims(principal=PRINCIPAL, club=club, roles=all_roles(system), expires_at=i.now() + lasts))


def all_roles(system: System) -> frozenset[str]:
    """Every role that a module knows."""
    return frozenset(roles_of([built.module for built in system.modules]))


async def _found(system: System, clubs: Clubs) -> UUID | None:
    caller = Caller(principal=PRINCIPAL, club=None, roles=all_roles(system), request_id="start")
    try:
        return (await clubs.found(caller, _FOUNDING)).id
    except SlugTaken:
        # Another process on the same database was a moment quicker.
        return await club_of(system, SLUG)
