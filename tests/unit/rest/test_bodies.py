"""Bodies through the whole edge: what each bad one is answered, that nothing happens, and that nothing is echoed."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from adapters.inbound.rest.settings import Settings
from tests.unit.rest.fake import CLUB, HOST, SECRET, Amend, Make, Served, serve
from tests.unit.rest.test_strict_json import ROWS as JSON_ROWS
from tests.unit.rest.test_strict_json import Malformed

GOOD: dict[str, Any] = {"name": "Oar", "password": SECRET, "amount": 3}
JSON = {"content-type": "application/json"}

FIELDS: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown field", {"org_id": 1}, "/org_id"),
    ("an unknown field that asks for power", {"is_admin": True}, "/is_admin"),
    ("an unknown field of a nested object", {"inner": {"size": 1, "label": "ab", "role": "x"}}, "/inner/role"),
    ("an unknown field in a list", {"many": [{"size": 1, "label": "ab", "role": "x"}]}, "/many/0/role"),
    ("a number as text", {"amount": "1"}, "/amount"),
    ("a number with underscores", {"amount": "1_000"}, "/amount"),
    ("a number with spaces", {"amount": " 12 "}, "/amount"),
    ("true as a number", {"amount": True}, "/amount"),
    ("a float as an integer", {"amount": 1.0}, "/amount"),
    ("an integer with an exponent", {"amount": 1e3}, "/amount"),
    ("an integer of 2^63", {"amount": 2**63}, "/amount"),
    ("an integer of 10^18", {"amount": 10**18}, "/amount"),
    ("null for a required field", {"amount": None}, "/amount"),
    ("text as a flag", {"urgent": "yes"}, "/urgent"),
    ("2 as a flag", {"urgent": 2}, "/urgent"),
    ("0 as a flag", {"urgent": 0}, "/urgent"),
    ("a number as text field", {"name": 7}, "/name"),
    ("a list as text field", {"name": ["x"]}, "/name"),
    ("an unknown choice", {"mood": "furious"}, "/mood"),
    ("a choice in another case", {"mood": "CALM"}, "/mood"),
    ("a day as a unix time", {"day": 1_700_000_000}, "/day"),
    ("a day as a unix time in text", {"day": "1700000000"}, "/day"),
    ("a day with a time", {"day": "2027-04-13T00:00:00Z"}, "/day"),
    ("a day that does not exist", {"day": "2026-02-30"}, "/day"),
    ("a day without zeros", {"day": "2026-3-1"}, "/day"),
    ("a day in other digits", {"day": "२०२६-०३-१२"}, "/day"),
    ("an instant as a unix time", {"at": 1_700_000_000}, "/at"),
    ("an instant as a unix time in text", {"at": "1700000000"}, "/at"),
    ("an instant without zone", {"at": "2027-04-13T19:05:06"}, "/at"),
    ("an instant with an offset", {"at": "2027-04-13T19:05:06+02:00"}, "/at"),
    ("an instant with a space", {"at": "2027-04-13 19:05:06Z"}, "/at"),
    ("an instant with nanoseconds", {"at": "2027-04-13T19:05:06.123456789Z"}, "/at"),
    ("an instant with a small z", {"at": "2027-04-13T19:05:06z"}, "/at"),
    ("an instant in hour 24", {"at": "2027-04-13T24:00:00Z"}, "/at"),
    ("an instant in week form", {"at": "2026-W11-4T18:04:05Z"}, "/at"),
    ("an id in capitals", {"owner": str(CLUB).upper()}, "/owner"),
    ("an id without hyphens", {"owner": CLUB.hex}, "/owner"),
    ("an id in braces", {"owner": f"{{{CLUB}}}"}, "/owner"),
    ("an id as URN", {"owner": f"urn:uuid:{CLUB}"}, "/owner"),
    ("an id of another version", {"owner": "6ba7b810-9dad-41d1-80b4-00c04fd430c8"}, "/owner"),
    ("an id as a number", {"owner": 1}, "/owner"),
    ("bytes with padding", {"digest": "-_8="}, "/digest"),
    ("bytes in the other alphabet", {"digest": "+/8"}, "/digest"),
    ("bytes with stray bits", {"digest": "-_9"}, "/digest"),
    ("bytes as a list", {"digest": [1, 2]}, "/digest"),
    ("a list as an object", {"inner": []}, "/inner"),
    ("an object as a list", {"many": {}}, "/many"),
    ("text as a list", {"many": "ab"}, "/many"),
]


def echoes(answer: Response, *sent: str) -> list[str]:
    """What of `sent` an answer repeats, in its body or its headers."""
    shown = answer.text + repr(answer.headers.multi_items())
    return [text for text in sent if text in shown]


async def post(client: AsyncClient, body: bytes | dict[str, Any], **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.post("/v1/things", content=content, headers={**JSON, **headers})


@pytest.mark.parametrize(("body", "kind"), [row[1:] for row in JSON_ROWS], ids=[row[0] for row in JSON_ROWS])
async def test_bad_json_is_answered_by_a_problem_and_has_no_effect(
    client: AsyncClient, served: Served, body: bytes, kind: type[Exception]
) -> None:
    answer = await post(client, body)
    assert answer.status_code == (400 if kind is Malformed else 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == ("request/malformed-json" if kind is Malformed else "request/invalid")
    assert served.things.effects == 0


@pytest.mark.parametrize(("change", "pointer"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS])
async def test_a_bad_field_is_refused_with_a_pointer_and_without_its_value(
    client: AsyncClient, served: Served, change: dict[str, Any], pointer: str
) -> None:
    answer = await post(client, {**GOOD, **change})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not echoes(
        answer, SECRET, *[value for value in change.values() if isinstance(value, str) and len(value) > 4]
    )
    assert served.things.effects == 0


async def test_reasons_say_what_is_wanted(client: AsyncClient) -> None:
    wrong = {"day": "x", "at": "x", "owner": "x", "digest": "=", "mood": "x", "amount": "x", "urgent": "x", "inner": 1}
    answer = await post(client, {**GOOD, **wrong, "many": 1, "name": 1})
    assert {error["pointer"]: error["reason"] for error in answer.json()["errors"]} == {
        "/day": "is not a day such as 2026-03-12",
        "/at": "is not an instant in UTC such as 2026-03-12T18:04:05Z",
        "/owner": "is not an id: a UUIDv7 in lower-case text",
        "/digest": "is not base64url without padding",
        "/mood": "is none of 'calm' or 'wild'",
        "/amount": "is not an integer",
        "/urgent": "is neither true nor false",
        "/inner": "is not an object",
        "/many": "is not an array",
        "/name": "is not a string",
    }


async def test_every_kind_of_field_arrives_as_it_was_sent(client: AsyncClient, served: Served) -> None:
    whole = {
        **GOOD,
        "urgent": True,
        "mood": "wild",
        "day": "2026-03-12",
        "at": "2026-03-12T18:04:05.25Z",
        "owner": str(CLUB),
        "digest": "-_8",
        "inner": {"size": -1, "label": "ab"},
        "many": [{"size": 1, "label": "cd"}],
    }
    answer = await post(client, whole)
    assert answer.status_code == 201
    command = served.things.commands[0]
    assert isinstance(command, Make)
    assert command.owner == CLUB and command.digest == b"\xfb\xff" and command.many[0].label == "cd"
    assert command.at is not None and command.at.isoformat() == "2026-03-12T18:04:05.250000+00:00"
    assert answer.json()["at"] == "2026-03-12T18:04:05.250000Z" and answer.json()["digest"] == "-_8"


async def test_a_missing_field_is_named_and_its_siblings_are_not_repeated(client: AsyncClient) -> None:
    answer = await post(client, {"password": SECRET})
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/name", "/amount"}
    assert not echoes(answer, SECRET)


async def test_the_dataclass_refuses_with_its_own_code(client: AsyncClient) -> None:
    answer = await post(client, {**GOOD, "inner": {"size": 1, "label": "x"}})
    assert (answer.status_code, answer.json()["type"], answer.json()["field"]) == (422, "thing/too-short", "label")


async def test_a_key_that_may_be_a_value_is_not_repeated(client: AsyncClient) -> None:
    answer = await post(client, {**GOOD, f"{SECRET} as a key": 1})
    assert answer.status_code == 422
    assert not echoes(answer, SECRET)


async def test_a_hundred_bad_fields_are_answered_by_a_screenful(client: AsyncClient) -> None:
    answer = await post(client, {**GOOD, **{f"extra_{number}": 1 for number in range(100)}})
    assert len(answer.json()["errors"]) == 20


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/json; charset=utf-7",
        "application/json; charset=latin1",
        "application/json; version=1",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "",
        "application/json, application/json",
    ],
)
async def test_only_json_in_utf8_is_supported(client: AsyncClient, content_type: str) -> None:
    answer = await post(client, GOOD, **{"content-type": content_type})
    assert (answer.status_code, answer.json()["type"]) == (415, "request/unsupported-media-type")


async def test_a_missing_or_repeated_content_type_and_an_encoding_are_unsupported(client: AsyncClient) -> None:
    body = json.dumps(GOOD).encode()
    twice = [("content-type", "application/json"), ("content-type", "application/json")]
    for headers in ([], twice, [("content-type", "application/json"), ("content-encoding", "gzip")]):
        answer = await client.post("/v1/things", content=body, headers=headers)
        assert answer.status_code == 415


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json;charset=utf-8", 'Application/JSON; Charset="UTF-8"']
)
async def test_json_in_utf8_may_be_declared_in_several_ways(client: AsyncClient, content_type: str) -> None:
    assert (await post(client, GOOD, **{"content-type": content_type})).status_code == 201


async def test_an_operation_without_command_takes_nothing_or_an_empty_object(client: AsyncClient) -> None:
    thing = (await post(client, GOOD)).json()["id"]
    touch = f"/v1/things/{thing}/touch"
    assert (await client.post(touch)).status_code == 200
    for empty in (b"{}", b"{ }", b" {\r\n}\n"):
        assert (await client.post(touch, content=empty, headers=JSON)).status_code == 200
    refused = await client.post(touch, content=b'{"role":"admin"}', headers=JSON)
    assert (refused.status_code, refused.json()["type"]) == (422, "request/invalid")
    assert (await client.post(touch, content=b"{}", headers={"content-type": "text/plain"})).status_code == 415
    assert (await client.post(touch, content=b'{"a":1,"a":2}', headers=JSON)).status_code == 400


async def test_a_body_over_the_limit_is_refused_before_it_is_read(client: AsyncClient, served: Served) -> None:
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(800):
            read += 1
            yield b" " * 65_536

    chunked = await client.post("/v1/things", content=chunks(), headers=JSON)
    assert (chunked.status_code, chunked.json()["type"]) == (413, "request/too-large")
    assert chunked.json()["limit_bytes"] == Settings().largest_body_bytes
    assert chunked.headers["connection"] == "close"
    assert read <= 17, "not much more than 1 MB was taken from the client"
    declared = await client.post("/v1/things", content=b"", headers={**JSON, "content-length": "50000000"})
    assert declared.status_code == 413
    assert (
        await client.post("/v1/things", content=b"", headers={**JSON, "content-length": "9" * 30})
    ).status_code == 413
    assert served.things.effects == 0


async def test_a_body_at_the_limit_is_read() -> None:
    body = json.dumps(GOOD).encode()
    limited = serve(Settings(largest_body_bytes=len(body)))
    async with limited.client() as client:
        assert (await post(client, body)).status_code == 201
        assert (await post(client, body + b" ")).status_code == 413


class Form(BaseModel):
    """What a module might take the usual way."""

    name: str
    password: str


async def test_a_plain_fastapi_route_of_a_module_does_not_echo_either() -> None:
    from fastapi import APIRouter

    router = APIRouter()

    @router.post("/v1/plain")
    async def plain(form: Form) -> Amend:
        return Amend(name=form.name)

    async with serve(routers=[router]).client() as client:
        assert (await client.post("/v1/plain", json={"name": "x", "password": SECRET})).status_code == 200
        for body in (
            {"password": SECRET},
            {"name": 1, "password": SECRET},
            SECRET,
            {"name": "x", "password": [SECRET]},
        ):
            answer = await client.post("/v1/plain", json=body)
            assert (answer.status_code, answer.json()["type"]) == (422, "request/invalid")
            assert not echoes(answer, SECRET)
        large = await client.post("/v1/plain", content=b" " * 1_000_001, headers=JSON)
        assert (large.status_code, large.json()["type"]) == (413, "request/too-large")


async def test_the_check_for_echoes_catches_what_fastapi_does_by_itself() -> None:
    app = FastAPI()

    @app.post("/v1/things")
    async def make(form: Form) -> None:
        return None

    async with AsyncClient(transport=ASGITransport(app), base_url=HOST) as client:
        assert echoes(await post(client, {"password": SECRET}), SECRET) == [SECRET]


@given(
    st.binary(max_size=80)
    | st.dictionaries(st.sampled_from(["name", "password", "amount", "x"]), st.text()).map(json.dumps).map(str.encode)
)
async def test_no_body_makes_a_500(body: bytes) -> None:
    async with SHARED.client() as client:
        answer = await post(client, body)
    assert answer.status_code in (201, 400, 422)


SHARED = serve()
