"""Where measurements begin: a real Postgres, a migrated database with two clubs that agree, their desks and tokens."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from adapters.outbound.sql.migrate import migrate
from app.clubs.agreements import AcceptTerms, DraftAgreement
from app.clubs.clubs import FoundClub
from app.clubs.members import EnrolMember, RecordFact
from app.clubs.visits import ConfirmVisit, RequestVisit
from concordat.container import System, running
from concordat.modules.clubs import ClubsUseCases
from concordat.modules.log import LogUseCases
from concordat.settings import load
from core.clubs.geography import Position
from core.clubs.standing import FactKind
from core.clubs.terms import Quota, Terms, Window
from ports.caller import Caller
from ports.tokens import Claims
from tests.e2e.served import Installation
from tests.support.databases import PostgresDatabase, PostgresTemplate
from tests.support.postgres import PostgresServer

T = TypeVar("T")

ROLES = frozenset({"operator", "secretary", "concierge"})
TOKEN_MINUTES = 12
UNLIMITED = {"requests_per_minute": "0", "refusals_per_minute": "0", "anonymous_per_minute": "0"}
TOGETHER = 8
"""How many members are enrolled, and how many visits booked, at a time."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One Postgres for the whole run, and one folder with the keys that all processes share."""

    template: PostgresTemplate
    folder: Path

    def installation(self, database: PostgresDatabase | None, name: str = "shared", **settings: str) -> Installation:
        """Processes over a database; those of the same name share their keys. None: SQLite, in a folder of its own."""
        url = None if database is None else database.url
        return Installation(folder=self.folder / name, database_url=url, settings={**UNLIMITED, **settings})

    @asynccontextmanager
    async def opened(self, database: PostgresDatabase, **settings: str) -> AsyncIterator[System]:
        """The product's own wiring over a database, in this process."""
        data_folder = self.installation(database).data_folder
        data_folder.mkdir(parents=True, exist_ok=True)
        told = load(profile="local", data_folder=data_folder, database_url=database.url, **UNLIMITED, **settings)
        async with running(told) as system:
            yield system

    def settled(self, source: PostgresDatabase) -> None:
        """Statistics for the planner and no work left over for later, so that all copies begin alike."""
        self.template.server.execute("VACUUM ANALYZE", source.name)
        self.template.server.execute("CHECKPOINT")

    @contextmanager
    def copied(self, source: PostgresDatabase) -> Iterator[PostgresDatabase]:
        """A database of the same content, dropped afterwards; nobody may be connected to the source."""
        copy = self.template.copy(source.name)
        try:
            yield copy
        finally:
            self.template.server.drop_database(copy.name)


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """Starts Postgres and migrates a template; leaves nothing running."""
    with PostgresServer() as server:
        password = secrets.token_urlsafe(16)
        await migrate(server.create_database("concordat_template"), password=password)
        yield Stage(template=PostgresTemplate(server=server, password=password), folder=folder)


@dataclass(frozen=True, kw_only=True)
class Desks:
    """Two clubs, Harbour that sends members and Summit that receives them, driven through the use cases."""

    system: System
    home: Caller
    host: Caller

    @property
    def clubs(self) -> ClubsUseCases:
        return use_cases(self.system, "clubs", ClubsUseCases)

    async def members(self, count: int) -> list[UUID]:
        """Members of Harbour in good standing."""
        return await _together(self._member, range(count))

    async def visits(self, count: int) -> list[UUID]:
        """Confirmed visits to Summit that may check in today, and tomorrow should midnight pass: one per member."""
        return await _together(self._visit, await self.members(count))

    def token(self, caller: Caller) -> str:
        """An access token for what this caller may do."""
        i = self.system.infrastructure
        expires_at = i.now() + timedelta(minutes=TOKEN_MINUTES)
        claims = Claims(principal=caller.principal, club=caller.club, roles=caller.roles, expires_at=expires_at)
        return i.tokens.issue(claims)

    async def _member(self, _: int) -> UUID:
        residence = Position(latitude_microdegrees=53_000_000, longitude_microdegrees=10_000_000)
        command = EnrolMember(
            number=f"N-{secrets.token_hex(6)}", name="Ada Marsh", category="full", residence=residence
        )
        members, today = self.clubs.members, date.today()
        member = await members.enrol(self.home, command)
        term = RecordFact(kind=FactKind.TERM, first=today - timedelta(days=400))
        paid = RecordFact(kind=FactKind.PAID_THROUGH, first=today + timedelta(days=200))
        await members.record(self.home, member.id, term)
        await members.record(self.home, member.id, paid)
        return member.id

    async def _visit(self, member: UUID) -> UUID:
        visits, today = self.clubs.visits, self.system.infrastructure.now().date()
        wish = RequestVisit(
            member_id=member, host_club=self.host.of_club, first_day=today, last_day=today + timedelta(days=1)
        )
        requested = await visits.request(self.home, wish)
        assert requested.visit is not None, requested.failed
        confirmed = await visits.confirm(self.host, requested.visit.id, ConfirmVisit())
        assert confirmed.eligible, confirmed.failed
        return requested.visit.id


async def two_clubs(system: System) -> Desks:
    """Founds both, and brings an agreement between them into force. Their time is UTC's, as the generator's is."""
    clubs = use_cases(system, "clubs", ClubsUseCases)
    operator = _caller(None)
    founded = [await clubs.clubs.found(operator, _founding(name, latitude)) for name, latitude in _PLACES.items()]
    home, host = [_caller(club.id) for club in founded]
    terms = Terms(
        effective_from=date.today() - timedelta(days=30),
        categories=("full",),
        quotas=(Quota(window=Window.CALENDAR_MONTH, limit=4), Quota(window=Window.CALENDAR_YEAR, limit=48)),
        least_distance_metres_from_club=90_000,
    )
    drafted = await clubs.agreements.draft(home, DraftAgreement(partner=host.of_club, terms=terms))
    await clubs.agreements.propose(home, drafted.id)
    await clubs.agreements.accept(host, drafted.id, AcceptTerms(terms_hash=drafted.versions[0].hash))
    await clubs.agreements.activate(home, drafted.id)
    return Desks(system=system, home=home, host=host)


def use_cases(system: System, module: str, kind: type[T]) -> T:
    """The use cases of a module, which are of this kind."""
    found = next(built.use_cases for built in system.modules if built.module.name == module)
    if not isinstance(found, kind):
        raise TypeError(f"{module} is built as {type(found).__name__}")
    return found


def log_of(system: System) -> LogUseCases:
    """The use cases and workers of the log."""
    return use_cases(system, "log", LogUseCases)


async def settle(system: System) -> None:
    """One turn of the log's workers: what is recorded becomes leaves, a signed checkpoint, an anchor."""
    pipeline = log_of(system).workers.pipeline
    await pipeline.integrate()
    await pipeline.sign()
    await pipeline.anchor()


_PLACES = {"harbour": 53_540_000, "summit": 46_950_000}


def _founding(name: str, latitude: int) -> FoundClub:
    position = Position(latitude_microdegrees=latitude, longitude_microdegrees=9_000_000)
    return FoundClub(
        slug=f"{name}-{secrets.token_hex(4)}",
        name=name.capitalize(),
        zone="Etc/UTC",
        currency="EUR",
        position=position,
    )


def _caller(club: UUID | None) -> Caller:
    return Caller(principal="benchmark", club=club, roles=ROLES, request_id="benchmark")


async def _together(make: Callable[[T], Awaitable[UUID]], inputs: Sequence[T]) -> list[UUID]:
    """Several at a time, in order: the database writes their commits together."""
    made: list[UUID] = []
    for start in range(0, len(inputs), TOGETHER):
        made += await asyncio.gather(*(make(one) for one in inputs[start : start + TOGETHER]))
    return made
