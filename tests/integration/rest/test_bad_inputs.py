"""What a bad input gets from the product's own operations, and that it leaves nothing behind.

The rows that are about HTTP and JSON alone stand in tests/unit/rest; these are about commands and about whose objects
they name.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from httpx2 import AsyncClient, Response

from tests.integration.rest.served import Served, served_at
from tests.support.databases import MEMORY
from tests.support.scenes import found
from tests.support.world import TODAY, caller

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACE = {"latitude_microdegrees": 53_540_000, "longitude_microdegrees": 9_990_000}
CLUB = {"slug": "new-club", "name": "New", "zone": "Europe/Berlin", "currency": "EUR", "position": PLACE}
MEMBER = {"number": "X-1", "name": "Bo", "category": "full"}
TERMS = {"effective_from": "2026-01-01", "categories": ["full"]}
QUOTA = {"window": "calendar_month", "limit": 4}
OTHER_CLUB = "01957f3e-8000-7000-8000-00000000c1b0"
"""Stands for the id of the scene's host."""

Body = dict[str, Any]


def _terms(**changes: Any) -> Body:
    return {"partner": OTHER_CLUB, "terms": {**TERMS, **changes}}


def _visit(first_day: Any, last_day: Any) -> Body:
    return {"member_id": OTHER_CLUB, "host_club": OTHER_CLUB, "first_day": first_day, "last_day": last_day}


INVALID, TEXT = "request/invalid", "request/bad-text"
ROWS: list[tuple[str, str, Body, int, str]] = [
    *(
        (
            f"a quota of {limit}",
            "/v1/agreements",
            _terms(quotas=[{**QUOTA, "limit": limit}]),
            422,
            "agreement/bad-terms",
        )
        for limit in (0, -1, 10_001, 2**53 - 1)
    ),
    *(
        (f"a quota of {limit!r}", "/v1/agreements", _terms(quotas=[{**QUOTA, "limit": limit}]), 422, INVALID)
        for limit in ("1", "1_000", " 12 ", True, 1.0, 0.1 + 0.2, 10**18, 2**63)
    ),
    ("a rolling window of no days", "/v1/agreements", _terms(quotas=[{"window": "rolling_days", "limit": 1}]), 422, ""),
    ("a distance of -1", "/v1/agreements", _terms(least_distance_metres_from_club=-1), 422, "agreement/bad-terms"),
    ("a distance around the globe", "/v1/agreements", _terms(least_distance_metres_from_club=40_000_000), 422, ""),
    ("a notice of -1 days", "/v1/agreements", _terms(notice_days=-1), 422, "agreement/bad-terms"),
    ("an end before the start", "/v1/agreements", _terms(effective_until="2025-12-31"), 422, "agreement/bad-terms"),
    ("a start as unix time", "/v1/agreements", _terms(effective_from=1_700_000_000), 422, INVALID),
    ("a flag as text", "/v1/agreements", _terms(matched="yes"), 422, INVALID),
    ("a flag as 2", "/v1/agreements", _terms(matched=2), 422, INVALID),
    ("no category", "/v1/agreements", _terms(categories=[]), 422, "agreement/bad-terms"),
    ("a category twice", "/v1/agreements", _terms(categories=["a", " a"]), 422, "agreement/bad-terms"),
    ("terms with power", "/v1/agreements", _terms(is_admin=True), 422, INVALID),
    ("a proposer in the body", "/v1/agreements", {**_terms(), "proposer": OTHER_CLUB}, 422, INVALID),
    ("days in the wrong order", "/v1/visits", _visit("2026-03-13", "2026-03-12"), 404, "request/not-found"),
    ("a day as unix time in text", "/v1/visits", _visit("1700000000", "2026-03-12"), 422, INVALID),
    ("a day that is none", "/v1/visits", _visit("2026-02-30", "2026-03-12"), 422, INVALID),
    ("a member number of nothing", "/v1/members", {**MEMBER, "number": " "}, 422, TEXT),
    ("a member number of 41", "/v1/members", {**MEMBER, "number": "x" * 41}, 422, TEXT),
    ("a name of 121", "/v1/members", {**MEMBER, "name": "x" * 121}, 422, TEXT),
    ("a name written backwards", "/v1/members", {**MEMBER, "name": "Ada\u202eadA"}, 422, TEXT),
    ("a name of zero width", "/v1/members", {**MEMBER, "name": "A\u200bda"}, 422, TEXT),
    ("a name of 1,000 marks", "/v1/members", {**MEMBER, "name": "A" + "\u0301" * 1_000}, 422, TEXT),
    ("a name of 100 marks", "/v1/members", {**MEMBER, "name": "A" + "\u0301" * 100}, 422, TEXT),
    ("a name with a line break", "/v1/members", {**MEMBER, "name": "Ada\r\nBcc: x@y"}, 422, TEXT),
    ("a name of 10 MB", "/v1/members", {**MEMBER, "name": "x" * 10_000_000}, 413, "request/too-large"),
    (
        "a residence beyond the pole",
        "/v1/members",
        {**MEMBER, "residence": {**PLACE, "latitude_microdegrees": 90_000_001}},
        422,
        "request/bad-position",
    ),
    (
        "a residence in degrees",
        "/v1/members",
        {**MEMBER, "residence": {**PLACE, "latitude_microdegrees": 53.54}},
        422,
        INVALID,
    ),
    ("a club in the body", "/v1/members", {**MEMBER, "club_id": OTHER_CLUB}, 422, INVALID),
    ("a slug in other letters", "/v1/clubs", {**CLUB, "slug": "h\u0430rbour"}, 422, TEXT),
    ("a slug in capitals", "/v1/clubs", {**CLUB, "slug": "Harbour"}, 422, TEXT),
    ("a slug with a hyphen first", "/v1/clubs", {**CLUB, "slug": "-harbour"}, 422, TEXT),
    ("a slug that climbs", "/v1/clubs", {**CLUB, "slug": "../etc"}, 422, TEXT),
    ("a zone that climbs", "/v1/clubs", {**CLUB, "zone": "../../etc/passwd"}, 422, "club/unknown-zone"),
    ("a zone that is none", "/v1/clubs", {**CLUB, "zone": "Europe/Atlantis"}, 422, "club/unknown-zone"),
    ("a currency that is none", "/v1/clubs", {**CLUB, "currency": "ABC"}, 422, "club/unknown-currency"),
    ("a currency in small letters", "/v1/clubs", {**CLUB, "currency": "eur"}, 422, "club/unknown-currency"),
]
"""Name, path, body, status, type; with no type any code does."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One for all of these tests: what they send leaves nothing behind."""
    async with served_at(MEMORY, tmp_path_factory.mktemp("bad-inputs")) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module")
async def client(served: Served) -> AsyncIterator[AsyncClient]:
    """Somebody of the home club who may do everything, found clubs too."""
    async with served.client(served.scene.home, frozenset({"secretary", "concierge", "operator"})) as client:
        yield client


async def events(served: Served) -> int:
    return (await served.world.backlog.waiting())["relay"].rows


async def decline(served: Served, client: AsyncClient, reason: Any) -> Response:
    visit = await served.scene.requested((await served.scene.member()).id)
    async with served.client(served.scene.host) as host:
        return await host.post(f"/v1/visits/{visit.id}/decline", json={"reason": reason})


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
async def test_a_command_that_cannot_be_right_is_refused_and_leaves_nothing(
    served: Served, client: AsyncClient, row: tuple[str, str, Body, int, str]
) -> None:
    _, path, body, status, code = row
    before = await events(served)
    meant = {name: str(served.scene.host.of_club) if value == OTHER_CLUB else value for name, value in body.items()}
    answer = await client.post(path, json=meant)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["type"] == (code or answer.json()["type"])
    assert await events(served) == before


async def test_reasons_are_counted_in_code_points(served: Served, client: AsyncClient) -> None:
    assert (await decline(served, client, "\U0001f6a3" * 501)).json()["type"] == TEXT
    kept = await decline(served, client, "\U0001f6a3" * 500)
    assert (kept.status_code, len(kept.json()["reason"])) == (200, 500)


async def test_texts_are_kept_in_one_spelling(client: AsyncClient) -> None:
    answer = await client.post("/v1/members", json={**MEMBER, "name": "Jose\u0301"})
    assert answer.json()["name"] == "Jos\u00e9"


@pytest.mark.parametrize("text", ["' OR 1=1--", "%", "_", "\\", "club_id = other OR 1=1", "x" * 10_000])
async def test_a_filter_is_one_of_its_words_and_never_a_piece_of_a_statement(client: AsyncClient, text: str) -> None:
    answer = await client.get("/v1/visits", params={"state": text})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/state")


@pytest.mark.parametrize(("first", "last"), [("0001-01-01", None), ("9999-12-31", None), ("0001-01-01", "9999-12-31")])
@pytest.mark.parametrize("kind", ["term", "paid_through", "suspension", "leave", "resignation"])
async def test_days_at_the_edges_of_the_calendar_are_no_fault_of_ours(
    served: Served, client: AsyncClient, kind: str, first: str, last: str | None
) -> None:
    member = await served.scene.member()
    body = {"kind": kind, "first": first} | ({} if last is None else {"last": last})
    recorded = await client.post(f"/v1/members/{member.id}/facts", json=body)
    assert recorded.status_code in (200, 409, 422)
    for day in ("0001-01-01", "9999-12-31", TODAY.isoformat()):
        asked = {**_visit(day, day), "member_id": str(member.id), "host_club": str(served.scene.host.of_club)}
        assert (await client.post("/v1/visits", json=asked)).status_code in (201, 409, 422)


async def test_a_visit_to_where_one_is_a_member_is_none(served: Served, client: AsyncClient) -> None:
    member = await served.scene.member()
    home = str(served.scene.home.of_club)
    today = TODAY.isoformat()
    asked = {"member_id": str(member.id), "host_club": home, "first_day": today, "last_day": today}
    answer = await client.post("/v1/visits", json=asked)
    assert answer.status_code in (404, 422)


async def test_an_agreement_with_itself_is_none(served: Served, client: AsyncClient) -> None:
    answer = await client.post("/v1/agreements", json={**_terms(), "partner": str(served.scene.home.of_club)})
    assert (answer.status_code, answer.json()["type"]) == (422, "agreement/same-club")


async def test_the_clock_of_a_client_has_no_effect(served: Served) -> None:
    visit = await served.scene.confirmed((await served.scene.member()).id)
    async with served.client(served.scene.host) as host:
        headers = {"date": "Tue, 01 Jan 2030 00:00:00 GMT", "idempotency-key": "clock"}
        answer = await host.post(f"/v1/visits/{visit.id}/check-in", json={}, headers=headers)
    assert answer.json()["visit"]["checked_in_at"].startswith(TODAY.isoformat())


async def objects(served: Served) -> dict[str, str]:
    """One of each kind in the scene, by the name of the parameter that its id goes by."""
    scene = served.scene
    member = await scene.member()
    decision = await scene.checked_in(member.id)
    assert decision.visit is not None
    await served.world.settle()
    return {
        "visit_id": str(decision.visit.id),
        "member_id": str(member.id),
        "agreement_id": str(scene.agreement.id),
        "club_id": str(scene.home.of_club),
        "verdict_id": str(decision.receipt),
        "event_id": str(decision.receipt),
    }


BODIES: dict[str, Body] = {
    "clubs.visit.confirm": {},
    "clubs.visit.check_in": {},
    "clubs.visit.decline": {"reason": "x"},
    "clubs.visit.cancel": {"reason": "x"},
    "clubs.visit.deny": {"reason": "x"},
    "clubs.member.amend": {"name": "x"},
    "clubs.member.record": {"kind": "paid_through", "first": "2026-01-01"},
    "clubs.agreement.counter": {"terms": TERMS},
    "clubs.agreement.amend": {"terms": TERMS},
    "clubs.agreement.accept": {"terms_hash": "A" * 43},
    "clubs.agreement.suspend": {"reason": "x"},
    "clubs.club.amend": {"name": "x"},
}
"""What an operation on an object takes; those that are not here take nothing."""


async def told(client: AsyncClient, operation: tuple[str, str, str], key: str | UUID, request: str) -> Response:
    method, path, name = operation
    headers = {"x-request-id": request, "idempotency-key": "k", **({"if-match": '"1"'} if method == "PATCH" else {})}
    body = None if method == "GET" else BODIES.get(name, {})
    return await client.request(method, re.sub(r"{\w+}", str(key), path), json=body, headers=headers)


def on_objects(served: Served) -> list[tuple[str, str, str]]:
    """Every operation of the API that is about one object: method, path, name."""
    return [
        (method.upper(), path, operation["operationId"])
        for path, methods in served.app.openapi()["paths"].items()
        for method, operation in methods.items()
        if "_id}" in path
    ]


async def test_every_operation_tells_another_clubs_object_as_an_unknown_one(served: Served) -> None:
    """Whatever is added to the API is in this list, or it has an object of a kind that `objects` does not know."""
    known, eve = await objects(served), caller((await found(served.world, "meadow")).id, "eve")
    before, request = await events(served), str(served.world.new_id())
    found_ones = on_objects(served)
    assert len(found_ones) > 20
    async with served.client(eve, frozenset({"secretary", "concierge", "auditor"})) as client:
        for operation in found_ones:
            key = known[re.findall(r"{(\w+)}", operation[1])[0]]
            theirs = await told(client, operation, key, request)
            unknown = await told(client, operation, served.world.new_id(), request)
            assert (theirs.status_code, unknown.status_code) == (404, 404), operation
            assert theirs.content == unknown.content, operation
    assert await events(served) == before


async def test_another_clubs_object_in_a_body_is_told_as_an_unknown_one(served: Served) -> None:
    member, eve = await served.scene.member(), caller((await found(served.world, "meadow")).id, "eve")
    today = TODAY.isoformat()
    request = {"x-request-id": str(served.world.new_id())}
    async with served.client(eve) as client:
        theirs, unknown = [
            await client.post(
                "/v1/visits",
                json={**_visit(today, today), "member_id": str(key), "host_club": str(served.scene.host.of_club)},
                headers=request,
            )
            for key in (member.id, served.world.new_id())
        ]
    assert (theirs.status_code, theirs.content) == (404, unknown.content)


async def test_a_request_that_is_repeated_all_at_once_has_one_effect(served: Served, client: AsyncClient) -> None:
    visit = await served.scene.confirmed((await served.scene.member()).id)
    before = await events(served)
    async with served.client(served.scene.host) as host:
        path, headers = f"/v1/visits/{visit.id}/check-in", {"idempotency-key": "at-once"}
        answers = await asyncio.gather(*(host.post(path, json={}, headers=headers) for _ in range(10)))
    statuses = {answer.status_code for answer in answers}
    assert 200 in statuses and statuses <= {200, 409}
    for answer in answers:
        assert answer.status_code == 200 or answer.headers["retry-after"] == "1"
    assert await events(served) == before + 1
