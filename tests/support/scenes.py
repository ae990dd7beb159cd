"""Where most tests begin: clubs that agree, a member in good standing, a visit as far along as it has to be."""

import secrets
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app.clubs.agreements import AcceptTerms, AgreementView, DraftAgreement
from app.clubs.clubs import ClubView, FoundClub
from app.clubs.members import EnrolMember, MemberView, RecordFact
from app.clubs.visits import CheckIn, ConfirmVisit, Decision, RequestVisit, VisitView
from core.clubs.club import Club, ClubAmended
from core.clubs.geography import Position
from core.clubs.standing import FactKind
from core.clubs.terms import Quota, Terms, Window
from ports.caller import Caller
from tests.support.world import TODAY, World, caller

FAR_APART = {"harbour": (53_540_000, 9_990_000), "summit": (46_950_000, 7_440_000), "meadow": (48_200_000, 16_370_000)}
"""Latitude and longitude in microdegrees; in one zone, so that all of them have the same day."""


async def found(world: World, name: str = "harbour") -> ClubView:
    """A club of this name in Berlin's zone, under a slug that no other has."""
    latitude, longitude = FAR_APART.get(name, FAR_APART["harbour"])
    command = FoundClub(
        slug=f"{name}-{secrets.token_hex(4)}",
        name=name.capitalize(),
        zone="Europe/Berlin",
        currency="EUR",
        position=Position(latitude_microdegrees=latitude, longitude_microdegrees=longitude),
    )
    return await world.clubs.clubs.found(caller(None), command)


def amended(club: Club, **changes: Any) -> tuple[Club, tuple[ClubAmended]]:
    """The club with these values changed, and the event."""
    known = {field.name: getattr(club, field.name) for field in fields(club)}
    for name in ("id", "version", "slug"):
        del known[name]
    return club.amend(**{**known, **changes})


def terms(**changes: Any) -> Terms:
    """In effect since the beginning of the year, for full members, four days a month."""
    usual: dict[str, Any] = {
        "effective_from": date(TODAY.year, 1, 1),
        "categories": ("full",),
        "quotas": (Quota(window=Window.CALENDAR_MONTH, limit=4),),
    }
    return Terms(**{**usual, **changes})


async def agree(world: World, proposer: Caller, partner: Caller, agreed: Terms | None = None) -> AgreementView:
    """An active agreement of two clubs."""
    agreements = world.clubs.agreements
    drafted = await agreements.draft(proposer, DraftAgreement(partner=partner.of_club, terms=agreed or terms()))
    proposed = await agreements.propose(proposer, drafted.id)
    await agreements.accept(partner, proposed.id, AcceptTerms(terms_hash=proposed.versions[0].hash))
    return await agreements.activate(proposer, proposed.id)


async def enrol(world: World, club: Caller, name: str = "Ada Canary") -> MemberView:
    """A full member in good standing, with a number that no other has."""
    members = world.clubs.members
    residence = Position(latitude_microdegrees=53_000_000, longitude_microdegrees=10_000_000)
    command = EnrolMember(number=f"N-{secrets.token_hex(6)}", name=name, category="full", residence=residence)
    enrolled = await members.enrol(club, command)
    await members.record(club, enrolled.id, RecordFact(kind=FactKind.TERM, first=TODAY - timedelta(days=400)))
    paid = RecordFact(kind=FactKind.PAID_THROUGH, first=TODAY + timedelta(days=400))
    return await members.record(club, enrolled.id, paid)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Harbour sends members, Summit receives them."""

    world: World
    home: Caller
    host: Caller
    agreement: AgreementView

    async def member(self) -> MemberView:
        return await enrol(self.world, self.home)

    async def request(self, member: UUID, first: date = TODAY, last: date | None = None) -> Decision:
        command = RequestVisit(member_id=member, host_club=self.host.of_club, first_day=first, last_day=last or first)
        return await self.world.clubs.visits.request(self.home, command)

    async def requested(self, member: UUID, first: date = TODAY, last: date | None = None) -> VisitView:
        """A visit; fails where the policy refuses it."""
        decision = await self.request(member, first, last)
        assert decision.visit is not None, decision.failed
        return decision.visit

    async def confirmed(self, member: UUID, first: date = TODAY, last: date | None = None) -> VisitView:
        """A visit whose days are reserved."""
        visit = await self.requested(member, first, last)
        decision = await self.world.clubs.visits.confirm(self.host, visit.id, ConfirmVisit())
        assert decision.eligible and decision.visit is not None, decision.failed
        return decision.visit

    async def checked_in(self, member: UUID) -> Decision:
        """The decision that let the member in, today."""
        visit = await self.confirmed(member)
        decision = await self.world.clubs.visits.check_in(self.host, visit.id, CheckIn())
        assert decision.eligible, decision.failed
        return decision


async def two_clubs(world: World, agreed: Terms | None = None) -> Scene:
    """Harbour and Summit with an active agreement that Harbour proposed."""
    home, host = caller((await found(world, "harbour")).id, "ann"), caller((await found(world, "summit")).id, "bob")
    return Scene(world=world, home=home, host=host, agreement=await agree(world, home, host, agreed))
