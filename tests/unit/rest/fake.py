"""A small module with nothing behind it: plain use cases that keep things in a dict, and an app that serves them.

It is no mock of a port: idempotency, versions and tenants work as the real ones promise, in memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

import uuid_utils
from fastapi import APIRouter, FastAPI, Query
from httpx2 import ASGITransport, AsyncClient
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from adapters.inbound.limits import Limits
from adapters.inbound.rest.application import create_app
from adapters.inbound.rest.edge.authentication import Calling, CallingOnce, CallingRepeatably
from adapters.inbound.rest.edge.lists import Paging, page_of
from adapters.inbound.rest.edge.metrics import Metrics
from adapters.inbound.rest.edge.negotiation import wants
from adapters.inbound.rest.edge.routes import StrictRoute
from adapters.inbound.rest.edge.wire import Json
from adapters.inbound.rest.settings import Settings
from adapters.outbound.inprocess.rates import InProcessRates
from concordat.clocks import ticks
from ports.caller import Caller
from ports.tokens import Claims, TokenRefused
from ports.unit_of_work import InFlight, KeyReused, Missing, Replayed, kept
from shared.errors import Forbidden, Invalid, StaleVersion, Unavailable
from shared.paging import Page, PageRequest

HOST = "http://api.test"


def new_id() -> UUID:
    return UUID(str(uuid_utils.uuid7()))


# The same in every process: tests are named after them.
CLUB = UUID("01a1fd00-0000-7000-8000-000000000001")
OTHER_CLUB = UUID("01a1fd00-0000-7000-8000-000000000002")
TOKEN, OTHER_TOKEN, NO_CLUB_TOKEN = "token-of-club", "token-of-other", "token-of-nobody"
UNLIMITED = Limits(rates=InProcessRates(ticks))
REQUEST = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
SECRET = "hunter2-correct-horse"


class Mood(StrEnum):
    """A filter."""

    CALM = "calm"
    WILD = "wild"


class TooShort(Invalid):
    """What a dataclass of the core refuses by itself. Parameter: field."""

    code = "thing/too-short"
    title = "This is too short."


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A nested value that checks itself."""

    size: int
    label: str

    def __post_init__(self) -> None:
        if len(self.label) < 2:
            raise TooShort(field="label")


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """One field of every kind that commands have."""

    name: str
    password: str
    amount: int
    urgent: bool = False
    mood: Mood = Mood.CALM
    day: date | None = None
    at: datetime | None = None
    owner: UUID | None = None
    digest: bytes | None = None
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend:
    """A patch."""

    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What is kept and shown."""

    kind: ClassVar[str] = "thing"

    id: UUID
    version: int
    name: str
    mood: Mood
    at: datetime | None
    digest: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A rule that was not met."""

    rule: str
    code: str
    parameters: Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A decision by rules."""

    eligible: bool
    failed: tuple[Failure, ...]
    thing: Thing | None


@dataclass(slots=True)
class Things:
    """Use cases; `answers` keeps what an idempotency key was answered, `effects` counts what really happened."""

    rows: dict[tuple[UUID, UUID], Thing] = field(default_factory=dict)
    answers: dict[tuple[object, ...], tuple[bytes, bytes]] = field(default_factory=dict)
    effects: int = 0
    calls: list[Caller] = field(default_factory=list)
    commands: list[object] = field(default_factory=list)

    def forget(self) -> None:
        """As if nothing had ever been asked."""
        self.effects = 0
        for each in (self.rows, self.answers, self.calls, self.commands):
            each.clear()

    def _once(self, caller: Caller) -> tuple[object, ...] | None:
        self.calls.append(caller)
        if caller.once is None:
            return None
        key = caller.club, caller.principal, caller.once.operation, caller.once.key
        if caller.once.key == "in-flight":
            raise InFlight
        if key in self.answers:
            fingerprint, answer = self.answers[key]
            if fingerprint != caller.once.fingerprint:
                raise KeyReused
            raise Replayed(answer)
        return key

    def _kept(self, caller: Caller, key: tuple[object, ...] | None, view: Any) -> Any:
        self.effects += 1
        if key is not None and caller.once is not None:
            self.answers[key] = caller.once.fingerprint, kept(view)
        return view

    def get(self, caller: Caller, key: UUID) -> Thing:
        found = self.rows.get((caller.of_club, key))
        if found is None:
            raise Missing(kind="thing")
        return found

    def make(self, caller: Caller, command: Make) -> Thing:
        once = self._once(caller)
        self.commands.append(command)
        thing = Thing(
            id=new_id(), version=1, name=command.name, mood=command.mood, at=command.at, digest=command.digest
        )
        self.rows[caller.of_club, thing.id] = thing
        kept: Thing = self._kept(caller, once, thing)
        return kept

    def amend(self, caller: Caller, key: UUID, command: Amend) -> Thing:
        once = self._once(caller)
        thing = self.get(caller, key)
        if caller.expected_version not in (None, thing.version):
            raise StaleVersion(expected=caller.expected_version, found=thing.version)
        thing = replace(thing, version=thing.version + 1, name=command.name or thing.name)
        self.rows[caller.of_club, key] = thing
        kept: Thing = self._kept(caller, once, thing)
        return kept

    def judge(self, caller: Caller, key: UUID) -> Verdict:
        once = self._once(caller)
        thing = self.get(caller, key)
        failed = (
            Failure(rule="r1", code="thing/too-calm", parameters={"mood": "calm", "limit": 4}),
            Failure(rule="r2", code="thing/too-far", parameters={"metres": 7}),
        )
        verdict = Verdict(eligible=False, failed=failed, thing=thing)
        if thing.mood is Mood.WILD:
            verdict = Verdict(eligible=True, failed=(), thing=thing)
        kept: Verdict = self._kept(caller, once, verdict)
        return kept

    def page(self, caller: Caller, request: PageRequest, mood: Mood | None) -> Page[Thing]:
        mine = [thing for (club, _), thing in self.rows.items() if club == caller.club and mood in (None, thing.mood)]
        return page_of(sorted(mine, key=lambda thing: thing.id), lambda thing: thing.id, request)


def things_router(things: Things) -> APIRouter:
    router = APIRouter(route_class=StrictRoute)

    @router.post("/v1/things", operation_id="things.make", status_code=201)
    async def make(caller: Calling, command: Json[Make]) -> Thing:
        return things.make(caller, command)

    @router.get("/v1/things", operation_id="things.list")
    async def list_things(
        caller: Calling,
        page: Paging,
        mood: Annotated[Mood | None, Query()] = None,
        owner: Annotated[UUID | None, Query()] = None,
        text: Annotated[str | None, Query()] = None,
    ) -> Page[Thing]:
        things.commands.append((mood, owner, text))
        return things.page(caller, page, mood)

    @router.get("/v1/other-things", operation_id="things.list_others")
    async def list_others(caller: Calling, page: Paging) -> Page[Thing]:
        return things.page(caller, page, None)

    @router.get("/v1/things/{thing_id}", operation_id="things.read")
    async def get(caller: Calling, thing_id: UUID) -> Thing:
        return things.get(caller, thing_id)

    @router.patch("/v1/things/{thing_id}", operation_id="things.amend")
    async def amend(caller: Calling, thing_id: UUID, command: Json[Amend]) -> Thing:
        return things.amend(caller, thing_id, command)

    @router.post("/v1/things/{thing_id}/judge", operation_id="things.judge")
    async def judge(caller: CallingOnce, thing_id: UUID) -> Verdict:
        return things.judge(caller, thing_id)

    @router.post("/v1/things/{thing_id}/touch", operation_id="things.touch")
    async def touch(caller: Calling, thing_id: UUID) -> Thing:
        return things.amend(caller, thing_id, Amend())

    _odd_ones(router, things)
    return router


def _odd_ones(router: APIRouter, things: Things) -> None:
    @router.get(
        "/v1/things/{thing_id}/text",
        operation_id="things.text",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def text(request: Request, caller: Calling, thing_id: UUID) -> Thing | Response:
        thing = things.get(caller, thing_id)
        return PlainTextResponse(thing.name) if wants(request, "text/plain") else thing

    @router.post("/v1/nudge", operation_id="things.nudge", status_code=202)
    async def nudge(caller: CallingRepeatably) -> Amend:
        things.calls.append(caller)
        return Amend()

    @router.get("/v1/open", operation_id="things.open")
    async def open_to_anybody() -> Amend:
        return Amend()

    @router.get("/v1/fail/{how}", operation_id="things.fail")
    async def fail(caller: Calling, how: str) -> Amend:
        raise {
            "bug": RuntimeError(f"{SECRET} in an exception"),
            "forbidden": Forbidden(permission="things.fail"),
            "unavailable": Unavailable(),
            "clash": TooShort(status="odd", type="odd", field="x", unprintable={object()}),
        }[how]


class FakeTokens:
    """Three tokens that never expire."""

    def issue(self, claims: Claims) -> str:
        raise TokenRefused

    def check(self, token: str) -> Claims:
        clubs = {TOKEN: CLUB, OTHER_TOKEN: OTHER_CLUB, NO_CLUB_TOKEN: None}
        if token not in clubs:
            raise TokenRefused
        expires_at = datetime.now(UTC) + timedelta(minutes=5)
        return Claims(principal=f"of-{token}", club=clubs[token], roles=frozenset({"desk"}), expires_at=expires_at)


async def always_ready() -> Mapping[str, bool]:
    return {"database": True}


@dataclass(slots=True)
class Served:
    """The fake module behind the real edge."""

    app: FastAPI
    things: Things
    metrics: Metrics

    def client(self, token: str | None = TOKEN, host: str = HOST) -> AsyncClient:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return AsyncClient(transport=ASGITransport(self.app), base_url=host, headers=headers)


def serve(settings: Settings | None = None, routers: Sequence[APIRouter] = (), limits: Limits = UNLIMITED) -> Served:
    """An app with the fake module and whatever else a test brings."""
    things, metrics = Things(), Metrics()
    app = create_app(
        [things_router(things), *routers],
        tokens=FakeTokens(),
        limits=limits,
        cursor_key=b"k" * 32,
        new_id=new_id,
        ready=always_ready,
        metrics=metrics,
        settings=settings or Settings(),
    )
    return Served(app, things, metrics)
