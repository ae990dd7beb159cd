"""Founding a club and keeping what it says of itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.use_cases import ABSENT, Absent, UseCases, as_expected, given, show
from core.clubs import names
from core.clubs.club import Club
from core.clubs.days import MIDNIGHT
from core.clubs.geography import Position
from core.log.origins import Origin
from ports.caller import Caller
from ports.clubs import ClubsTx
from ports.log import Backlog, DirectoryEntry
from shared.canonical import tagged_hash
from shared.ids import id_from

KEY_SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundClub:
    """`zone` is an IANA name, `currency` an ISO 4217 code, `slug` becomes part of the origin of the club's log.

    `closing_time` (`23:30`) is when the house closes by its own clocks and who forgot to check out is checked out; a
    time before noon is in the next morning.
    """

    slug: str
    name: str
    zone: str
    currency: str
    position: Position
    closing_time: str = MIDNIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendClub:
    """What to change; a field that is absent stays as it is."""

    name: str | Absent = ABSENT
    zone: str | Absent = ABSENT
    currency: str | Absent = ABSENT
    position: Position | Absent = ABSENT
    closing_time: str | Absent = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ClubView:
    """A club as itself sees it."""

    kind: ClassVar[str] = "club"

    id: UUID
    version: int
    slug: str
    name: str
    zone: str
    currency: str
    position: Position
    closing_time: str


@dataclass(frozen=True, kw_only=True)
class Clubs(UseCases[ClubsTx]):
    """`network` is the first part of every origin; `random_bytes` gives subjects' keys."""

    network: str
    backlog: Backlog
    random_bytes: Callable[[int], bytes]

    async def found(self, caller: Caller, command: FoundClub) -> ClubView:
        """A new club with a log of its own; the founder is an operator of the network."""
        self.allow(caller, "clubs.club.found")
        key = self._id_for(caller)
        origin = str(Origin(network=self.network, club=names.slug(command.slug)))
        async with self.begin(caller.acting_for(key)) as tx:
            club, events = Club.found(
                id=key,
                slug=command.slug,
                name=command.name,
                zone=command.zone,
                currency=command.currency,
                position=command.position,
                origin=origin,
                closing_time=command.closing_time,
            )
            await tx.clubs.found(club, origin)
            await tx.subjects.add(club.id, self.random_bytes(KEY_SIZE))
            tx.emit(*events)
            return tx.answer(show(ClubView, club))

    async def amend(self, caller: Caller, key: UUID, command: AmendClub) -> ClubView:
        """Change what the club says of itself."""
        self.allow(caller, "clubs.club.amend")
        async with self.begin(caller) as tx:
            club = as_expected(caller, await tx.clubs.get(key))
            club, events = club.amend(
                name=given(command.name, club.name),
                zone=given(command.zone, club.zone),
                currency=given(command.currency, club.currency),
                position=given(command.position, club.position),
                closing_time=given(command.closing_time, club.closing_time),
            )
            await tx.clubs.save(club)
            tx.emit(*events)
            return tx.answer(show(ClubView, club))

    async def get(self, caller: Caller, key: UUID) -> ClubView:
        self.allow(caller, "clubs.club.read")
        return await self.read.one(caller, ClubView, key)

    async def directory(self, caller: Caller) -> list[DirectoryEntry]:
        """Every club of the network, with the origin of its log."""
        self.allow(caller, "clubs.directory.read")
        return list(await self.backlog.directory())

    def _id_for(self, caller: Caller) -> UUID:
        """Answers are kept by club, and this one is new: its id follows from the key, so that a retry finds it."""
        once = caller.once
        if once is None:
            return self.new_id()
        return id_from(tagged_hash("concordat/club-id/v1", caller.principal.encode(), b"\0", once.key.encode()))
