"""The club: who it is, where it stands and by which clock and currency it counts."""

from dataclasses import dataclass, replace
from typing import ClassVar
from uuid import UUID

from core.clubs import names
from core.clubs.currency import currency_code
from core.clubs.days import MIDNIGHT, time_of_day, zone_name
from core.clubs.geography import Position
from shared.events import Aggregate, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Club(Aggregate):
    """A club of the network. `zone` is an IANA name, `currency` an ISO 4217 code; the slug never changes.

    `closing_time` is the time of day at which the house closes, by its own clocks; before noon, in the next morning.
    """

    kind: ClassVar[str] = "club"

    slug: str
    name: str
    zone: str
    currency: str
    position: Position
    closing_time: str

    @classmethod
    def found(
        cls,
        *,
        id: UUID,
        slug: str,
        name: str,
        zone: str,
        currency: str,
        position: Position,
        origin: str,
        closing_time: str = MIDNIGHT,
    ) -> "tuple[Club, tuple[ClubFounded]]":
        """A new club and the genesis of its log, which names `origin` (rule aud1)."""
        club = cls(
            id=id,
            version=1,
            slug=names.slug(slug),
            name=names.name(name),
            zone=zone_name(zone),
            currency=currency_code(currency),
            position=position,
            closing_time=time_of_day(closing_time, "closing_time"),
        )
        return club, (ClubFounded(club=club, origin=origin),)

    def amend(
        self, *, name: str, zone: str, currency: str, position: Position, closing_time: str
    ) -> "tuple[Club, tuple[ClubAmended]]":
        """What the club says of itself: every value as it is from now on."""
        club = replace(
            self,
            version=self.version + 1,
            name=names.name(name),
            zone=zone_name(zone),
            currency=currency_code(currency),
            position=position,
            closing_time=time_of_day(closing_time, "closing_time"),
        )
        return club, (ClubAmended(club=club),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClubFounded(Event):
    """A club exists and its log begins: `origin` is fixed for ever."""

    type: ClassVar[str] = "clubs.club_founded"
    club: Club
    origin: str

    @property
    def parties(self) -> tuple[UUID, ...]:
        """The club itself."""
        return (self.club.id,)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClubAmended(Event):
    """What a club says of itself has changed."""

    type: ClassVar[str] = "clubs.club_amended"
    club: Club

    @property
    def parties(self) -> tuple[UUID, ...]:
        """The club itself."""
        return (self.club.id,)
