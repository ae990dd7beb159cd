"""What the home club lets a host know of a visitor: made here alone, whenever it may have changed."""

from uuid import UUID

from core.clubs.geography import Position, distance_metres
from core.clubs.member import Person
from ports.clubs import ClubsTx, Grant
from ports.log import DirectoryEntry


def granted(person: Person, visit_id: UUID, home: DirectoryEntry, host: DirectoryEntry) -> Grant:
    """The grant of a visit; the distances are computed here, once, and stored (rule vis8)."""
    at_host = _position(host)
    return Grant(
        visit_id=visit_id,
        home_club=home.club,
        host_club=host.club,
        member_ref=person.ref,
        category=person.category,
        facts=person.facts,
        distance_from_club_metres=distance_metres(at_host, _position(home)),
        distance_from_residence_metres=None if person.residence is None else distance_metres(at_host, person.residence),
    )


async def rewrite(tx: ClubsTx, person: Person) -> None:
    """Bring every live grant of a member up to what the home club now knows."""
    for grant in await tx.grants.of_member(person.ref):
        home, host = await tx.clubs.entry(grant.home_club), await tx.clubs.entry(grant.host_club)
        await tx.grants.put(granted(person, grant.visit_id, home, host))


def _position(entry: DirectoryEntry) -> Position:
    return Position(
        latitude_microdegrees=entry.latitude_microdegrees, longitude_microdegrees=entry.longitude_microdegrees
    )
