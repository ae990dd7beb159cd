"""Who calls: one header, one spelling, one tenant, whatever else a request says of itself."""

from typing import Any

import pytest
from httpx2 import AsyncClient

from tests.unit.rest.fake import CLUB, NO_CLUB_TOKEN, OTHER_TOKEN, REQUEST, TOKEN, Served, new_id

LIST = "/v1/things"


@pytest.fixture
def good() -> dict[str, Any]:
    return {"name": "Oar", "password": "x", "amount": 1}


@pytest.mark.parametrize(
    "header",
    [
        "bearer " + TOKEN,
        "BEARER " + TOKEN,
        "Bearer  " + TOKEN,
        "Bearer\t" + TOKEN,
        "Bearer " + TOKEN + " ",
        "Bearer " + TOKEN + ", Bearer " + TOKEN,
        "Bearer",
        "Bearer ",
        "Basic " + TOKEN,
        "Token " + TOKEN,
        TOKEN,
        "",
        "Bearer unknown-token",
        "Bearer tök".encode().decode("latin-1"),
    ],
)
async def test_only_one_spelling_of_a_credential_is_taken(served: Served, header: str) -> None:
    async with served.client(token=None) as client:
        answer = await client.get(LIST, headers=[(b"authorization", header.encode("latin-1"))])
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.json()["type"] == "auth/token-refused"
    assert TOKEN not in answer.text


async def test_without_a_token_the_answer_says_what_is_wanted_and_no_more(served: Served) -> None:
    async with served.client(token=None) as client:
        answer = await client.get(LIST)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["type"] == "auth/unauthenticated"


async def test_two_authorization_headers_are_refused_even_if_both_are_good(served: Served) -> None:
    async with served.client(token=None) as client:
        for second in (TOKEN, OTHER_TOKEN):
            headers = [("authorization", f"Bearer {TOKEN}"), ("authorization", f"Bearer {second}")]
            assert (await client.get(LIST, headers=headers)).status_code == 401


async def test_a_token_of_16_kb_is_refused_as_too_large(served: Served) -> None:
    async with served.client(token="x" * 16_384) as client:
        answer = await client.get(LIST)
    assert (answer.status_code, answer.json()["type"]) == (431, "request/headers-too-large")


async def test_a_token_in_the_query_is_no_token(served: Served) -> None:
    async with served.client(token=None) as client:
        assert (await client.get(LIST, params={"access_token": TOKEN})).status_code == 401
    async with served.client() as client:
        assert (await client.get(LIST, params={"access_token": TOKEN})).status_code == 422


async def test_the_tenant_is_the_tokens_whatever_headers_say(
    client: AsyncClient, served: Served, good: dict[str, Any]
) -> None:
    spoofed = {"x-org-id": str(new_id()), "x-club-id": str(new_id()), "x-forwarded-user": "root", "host": "other.test"}
    assert (await client.post(LIST, json=good, headers=spoofed)).status_code == 201
    caller = served.things.calls[-1]
    assert (caller.club, caller.principal, caller.roles) == (CLUB, f"of-{TOKEN}", frozenset({"desk"}))


async def test_who_is_unknown_learns_nothing_about_paths_bodies_or_parameters(served: Served) -> None:
    async with served.client(token=None) as client:
        answers = [
            await client.get(f"{LIST}/{new_id()}"),
            await client.get(f"{LIST}/not-an-id"),
            await client.get(LIST, params={"nonsense": 1}),
            await client.post(LIST, content=b"nonsense", headers={"content-type": "text/plain"}),
            await client.patch(f"{LIST}/{new_id()}", json={}),
        ]
    assert {answer.status_code for answer in answers} == {401}


async def test_a_caller_without_a_club_may_have_none(served: Served) -> None:
    async with served.client(token=NO_CLUB_TOKEN) as client:
        assert (await client.get(LIST)).json()["data"] == []


async def test_another_clubs_object_is_answered_byte_for_byte_like_an_unknown_one(
    client: AsyncClient, served: Served, good: dict[str, Any]
) -> None:
    mine = (await client.post(LIST, json=good)).json()["id"]
    same = {"x-request-id": REQUEST, "idempotency-key": "k", "if-match": '"1"'}
    async with served.client(OTHER_TOKEN) as other:
        for method, path in (
            ("GET", "{}"),
            ("PATCH", "{}"),
            ("POST", "{}/judge"),
            ("POST", "{}/touch"),
            ("GET", "{}/text"),
        ):
            bodies = {}
            for key in (mine, new_id()):
                content = b"{}" if method != "GET" else b""
                headers = {**same, "content-type": "application/json"}
                bodies[key] = await other.request(
                    method, f"{LIST}/{path.format(key)}", content=content, headers=headers
                )
            foreign, unknown = bodies.values()
            assert (foreign.status_code, unknown.status_code) == (404, 404)
            assert foreign.content == unknown.content
            differing = {"traceparent"}
            shown = [
                {name: value for name, value in each.headers.items() if name not in differing}
                for each in (foreign, unknown)
            ]
            assert shown[0] == shown[1]
