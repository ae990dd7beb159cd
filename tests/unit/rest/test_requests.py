"""Paths, queries, methods and Accept headers: what each odd one is answered."""

import pytest
from httpx2 import AsyncClient

from tests.unit.rest.fake import CLUB, Mood, Served, new_id
from tests.unit.rest.test_conditions import GOOD

LIST = "/v1/things"


@pytest.mark.parametrize(
    "key",
    [
        "1",
        "me",
        "%00",
        "%2e%2e",
        "..%2f..%2fetc",
        "%E0%A4%A",
        "' OR 1=1--",
        str(CLUB).upper(),
        CLUB.hex,
        f"%7B{CLUB}%7D",
        f"{CLUB}%20",
        f"{CLUB}%0a",
        "00000000-0000-0000-0000-000000000000",
        "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        "x" * 2_000,
    ],
)
async def test_what_is_no_id_is_refused_or_not_found(client: AsyncClient, key: str) -> None:
    answer = await client.get(f"{LIST}/{key}")
    assert answer.status_code in (404, 422)
    assert answer.json()["type"] in ("request/malformed-id", "request/no-such-route")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("nonsense=1", "/nonsense"),
        ("limit[]=1", ""),
        ("limit=1&limit=1", "/limit"),
        ("mood=calm&mood=wild", "/mood"),
        ("Limit=1", "/Limit"),
        ("sort=password_hash", "/sort"),
        ("offset=10", "/offset"),
        ("=1", ""),
        ("mood=furious", "/mood"),
        ("mood=", "/mood"),
        ("mood=CALM", "/mood"),
        ("owner=1", "/owner"),
        (f"owner={CLUB.hex}", "/owner"),
        ("text=a%00b", "/text"),
        ("text=%ff", ""),
        ("text=%ed%a0%80", ""),
        ("&".join(f"a{number}=1" for number in range(40)), ""),
    ],
)
async def test_a_query_that_is_not_described_is_refused(client: AsyncClient, query: str, pointer: str) -> None:
    answer = await client.get(f"{LIST}?{query}")
    assert answer.status_code == 422
    assert [(error["in"], error["pointer"]) for error in answer.json()["errors"]] == [("query", pointer)]


async def test_query_parameters_arrive_typed_and_literal(client: AsyncClient, served: Served) -> None:
    for text in ("' OR 1=1--", "%", "_", "\\", "a&b=c", "ä😀", "club_id = other OR 1=1"):
        answer = await client.get(LIST, params={"mood": "wild", "owner": str(CLUB), "text": text})
        assert answer.status_code == 200
        assert served.things.commands[-1] == (Mood.WILD, CLUB, text)
    await client.get(LIST)
    assert served.things.commands[-1] == (None, None, None)


async def test_a_route_without_parameters_takes_none(client: AsyncClient) -> None:
    assert (await client.post(f"{LIST}?dry_run=1", json=GOOD)).status_code == 422
    assert (await client.get(f"{LIST}/{new_id()}?fields=name")).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", LIST, "GET, POST"),
        ("PUT", LIST, "GET, POST"),
        ("HEAD", LIST, "GET, POST"),
        ("OPTIONS", LIST, "GET, POST"),
        ("PROPFIND", LIST, "GET, POST"),
        ("POST", f"{LIST}/{CLUB}", "GET, PATCH"),
        ("GET", f"{LIST}/{CLUB}/touch", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(client: AsyncClient, method: str, path: str, allowed: str) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert method == "HEAD" or answer.json()["type"] == "request/wrong-method"


async def test_trace_is_answered_nowhere(client: AsyncClient) -> None:
    for path in (LIST, "/nothing", "/healthz"):
        answer = await client.request("TRACE", path, headers={"x-secret": "hunter2"})
        assert answer.status_code == 405 and "hunter2" not in answer.text


async def test_headers_that_override_the_method_are_ignored(client: AsyncClient, served: Served) -> None:
    for name in ("x-http-method-override", "x-http-method", "x-method-override"):
        assert (await client.get(LIST, headers={name: "POST"})).status_code == 200
        assert (await client.post(LIST, json=GOOD, headers={name: "DELETE"})).status_code == 201
    assert served.things.effects == 3


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v2/things", "/v1/things/", "/metrics", "/debug", "/docs", "/openapi.json"]
)
async def test_what_is_not_served_is_not_found(client: AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "request/no-such-route")


@pytest.mark.parametrize(
    "accept",
    [
        "application/xml",
        "text/html",
        "text/plain",
        "application/problem+json",
        "application/json;q=0",
        "*/*;q=0",
        "application/*;q=0.0, text/html",
        "application/json;q=0, */*",
        "nonsense",
    ],
)
async def test_json_is_not_forced_on_whom_excludes_it(client: AsyncClient, accept: str) -> None:
    answer = await client.get(LIST, headers={"accept": accept})
    assert (answer.status_code, answer.json()["type"]) == (406, "request/not-acceptable")
    assert answer.json()["offered"] == ["application/json"]


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "APPLICATION/JSON",
        "application/*",
        "text/html, application/json;q=0.5",
        "text/html,*/*;q=0.1",
        "application/json; charset=utf-8",
        "",
    ],
)
async def test_json_is_answered_to_whom_accepts_it(client: AsyncClient, accept: str) -> None:
    expected = 406 if not accept else 200
    answer = await client.get(LIST, headers={"accept": accept})
    assert answer.status_code == expected


async def test_a_malformed_quality_is_a_bad_request(client: AsyncClient) -> None:
    for quality in ("2", "x", "1.5", "-1", "0.1234", ""):
        answer = await client.get(LIST, headers={"accept": f"application/json;q={quality}"})
        assert (answer.status_code, answer.json()["type"]) == (400, "request/bad-header")


async def test_the_form_that_the_client_likes_best_is_answered(client: AsyncClient) -> None:
    path = f"{LIST}/{(await client.post(LIST, json=GOOD)).json()['id']}/text"
    likes = {
        "*/*": "application/json",
        "text/plain": "text/plain; charset=utf-8",
        "text/*": "text/plain; charset=utf-8",
        "application/json;q=0.5, text/plain": "text/plain; charset=utf-8",
        "application/json, text/plain;q=0.9": "application/json",
        "application/json;q=0, */*": "text/plain; charset=utf-8",
    }
    for accept, form in likes.items():
        assert (await client.get(path, headers={"accept": accept})).headers["content-type"] == form
    several = [("accept", "application/json;q=0.1"), ("accept", "text/plain")]
    assert (await client.get(path, headers=several)).headers["content-type"] == "text/plain; charset=utf-8"
    assert (await client.get(path, headers={"accept": "application/xml"})).json()["offered"] == [
        "application/json",
        "text/plain",
    ]
