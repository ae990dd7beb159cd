"""Idempotency-Key and If-Match: what is taken, what is replayed, and in which order they are looked at."""

from typing import Any

import pytest
from httpx2 import AsyncClient, Response

from tests.unit.rest.fake import OTHER_TOKEN, REQUEST, Served, new_id

GOOD: dict[str, Any] = {"name": "Oar", "password": "secret", "amount": 1}
LIST = "/v1/things"


async def made(client: AsyncClient, **changes: Any) -> str:
    answer = await client.post(LIST, json={**GOOD, **changes})
    return str(answer.json()["id"])


def same_but_for_ids(one: Response, other: Response) -> bool:
    """Status, body and headers, apart from the ids of the request itself."""
    of_request = {"traceparent", "x-request-id", "idempotency-replayed"}
    shown = [{name: value for name, value in each.headers.items() if name not in of_request} for each in (one, other)]
    return one.status_code == other.status_code and one.content == other.content and shown[0] == shown[1]


async def test_the_same_key_and_body_replay_the_first_answer_with_its_status(
    client: AsyncClient, served: Served
) -> None:
    body = {**GOOD, "digest": "-_8", "at": "2026-03-12T18:04:05Z", "mood": "wild"}
    headers = {"idempotency-key": "one", "x-request-id": REQUEST}
    first = await client.post(LIST, json=body, headers=headers)
    again = await client.post(LIST, json=body, headers=headers)
    assert first.status_code == 201 and "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert same_but_for_ids(first, again)
    assert again.headers["location"] == f"{LIST}/{first.json()['id']}"
    assert served.things.effects == 1


async def test_a_refusal_by_verdict_is_an_answer_that_is_replayed_too(client: AsyncClient, served: Served) -> None:
    thing = await made(client)
    headers = {"idempotency-key": "judge", "x-request-id": REQUEST}
    first = await client.post(f"{LIST}/{thing}/judge", headers=headers)
    again = await client.post(f"{LIST}/{thing}/judge", headers=headers)
    assert (first.status_code, first.headers["content-type"]) == (422, "application/problem+json")
    assert same_but_for_ids(first, again) and again.headers["idempotency-replayed"] == "true"
    problem = first.json()
    assert problem["type"] == "thing/too-calm"
    assert [failure["code"] for failure in problem["failed"]] == ["thing/too-calm", "thing/too-far"]
    assert problem["failed"][0]["parameters"] == {"mood": "calm", "limit": 4}
    assert problem["thing"]["id"] == thing and "eligible" not in problem
    assert served.things.effects == 2


@pytest.mark.parametrize(
    ("path", "today", "then"),
    [(LIST, b',"digest":null', b""), (LIST, b'"mood":"calm"', b'"mood":"glum"'), ("judge", b"calm", b"glum")],
)
async def test_an_answer_of_before_its_view_changed_is_replayed_as_it_was(
    path: str, today: bytes, then: bytes, client: AsyncClient, served: Served
) -> None:
    """A field that a view got later made a fault of every retry that was under way, with the answer in the log."""
    if path == "judge":
        path = f"{LIST}/{await made(client)}/judge"
    body, headers = (GOOD if path == LIST else None), {"idempotency-key": "k", "x-request-id": REQUEST}
    first = await client.post(path, json=body, headers=headers)
    ((key, (fingerprint, answer)),) = served.things.answers.items()
    served.things.answers[key] = fingerprint, answer.replace(today, then)
    again = await client.post(path, json=body, headers=headers)
    assert again.content == first.content.replace(today, then) != first.content
    assert again.status_code == first.status_code
    assert [again.headers.get(name) for name in ("etag", "location")] == [
        first.headers.get(name) for name in ("etag", "location")
    ]


async def test_a_decision_that_agrees_is_an_ordinary_answer(client: AsyncClient) -> None:
    thing = await made(client, mood="wild")
    answer = await client.post(f"{LIST}/{thing}/judge", headers={"idempotency-key": "k"})
    assert (answer.status_code, answer.json()["eligible"], answer.headers["etag"]) == (200, True, '"1"')


async def test_the_same_key_with_another_body_is_refused(client: AsyncClient, served: Served) -> None:
    headers = {"idempotency-key": "one"}
    await client.post(LIST, json=GOOD, headers=headers)
    answer = await client.post(LIST, json={**GOOD, "amount": 2}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "idempotency/mismatch")
    assert served.things.effects == 1


async def test_the_same_key_for_another_object_is_another_request(client: AsyncClient) -> None:
    one, other = await made(client), await made(client)
    headers = {"idempotency-key": "k"}
    assert (await client.post(f"{LIST}/{one}/touch", headers=headers)).status_code == 200
    answer = await client.post(f"{LIST}/{other}/touch", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "idempotency/mismatch")


async def test_the_same_key_at_another_route_or_of_another_club_is_independent(
    client: AsyncClient, served: Served
) -> None:
    headers = {"idempotency-key": "k"}
    thing = (await client.post(LIST, json=GOOD, headers=headers)).json()["id"]
    assert (await client.post(f"{LIST}/{thing}/touch", headers=headers)).status_code == 200
    async with served.client(OTHER_TOKEN) as other:
        answer = await other.post(LIST, json=GOOD, headers=headers)
    assert answer.status_code == 201 and "idempotency-replayed" not in answer.headers
    assert served.things.effects == 3


async def test_a_key_in_flight_is_a_conflict_to_be_tried_again(client: AsyncClient) -> None:
    answer = await client.post(LIST, json=GOOD, headers={"idempotency-key": "in-flight"})
    assert (answer.status_code, answer.json()["type"]) == (409, "idempotency/in-flight")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_key_is_required_where_the_operation_says_so(client: AsyncClient, served: Served) -> None:
    answer = await client.post(f"{LIST}/{new_id()}/judge")
    assert (answer.status_code, answer.json()["type"]) == (400, "idempotency/key-required")
    assert served.things.calls == []


@pytest.mark.parametrize("key", [b"", b"k" * 256, "schlüssel".encode(), b"\xff", b"tab\there", b"\x7f"])
async def test_a_malformed_key_is_a_bad_request(client: AsyncClient, served: Served, key: bytes) -> None:
    answer = await client.post(LIST, json=GOOD, headers=[(b"idempotency-key", key)])
    assert (answer.status_code, answer.json()["type"]) == (400, "request/bad-header")
    assert served.things.effects == 0


async def test_two_keys_are_a_bad_request(client: AsyncClient) -> None:
    headers = [("idempotency-key", "one"), ("idempotency-key", "one")]
    assert (await client.post(LIST, json=GOOD, headers=headers)).status_code == 400


@pytest.mark.parametrize("key", ["k", "k" * 255, 'a "quoted" key, with commas', " ".join("abc")])
async def test_1_to_255_printable_characters_are_a_key(client: AsyncClient, served: Served, key: str) -> None:
    assert (await client.post(LIST, json=GOOD, headers={"idempotency-key": key})).status_code == 201
    once = served.things.calls[-1].once
    assert once is not None and (once.operation, once.key) == ("things.make", key)


async def test_an_operation_that_may_be_repeated_ignores_the_key(client: AsyncClient, served: Served) -> None:
    answer = await client.post("/v1/nudge", headers={"idempotency-key": "k"})
    assert answer.status_code == 202
    assert served.things.calls[-1].once is None


async def test_a_read_ignores_keys_and_versions(client: AsyncClient) -> None:
    thing = await made(client)
    headers = {"idempotency-key": "x" * 300, "if-match": "nonsense"}
    assert (await client.get(f"{LIST}/{thing}", headers=headers)).status_code == 200


async def test_a_patch_names_the_version_that_it_changes(client: AsyncClient) -> None:
    path = f"{LIST}/{await made(client)}"
    assert (await client.get(path)).headers["etag"] == '"1"'
    missing = await client.patch(path, json={"name": "Bow"})
    assert (missing.status_code, missing.json()["type"]) == (428, "request/precondition-required")
    changed = await client.patch(path, json={"name": "Bow"}, headers={"if-match": '"1"'})
    assert (changed.status_code, changed.headers["etag"], changed.json()["version"]) == (200, '"2"', 2)
    stale = await client.patch(path, json={"name": "Bow"}, headers={"if-match": '"1"'})
    assert (stale.status_code, stale.json()["type"]) == (412, "request/stale-version")
    assert (stale.json()["expected"], stale.json()["found"]) == (1, 2)


@pytest.mark.parametrize("tag", ['"0"', '"01"', '"abc"', 'W/"1"', '""', '"99999999999999999999"', '"-1"'])
async def test_a_tag_that_was_never_ours_is_stale(client: AsyncClient, tag: str) -> None:
    path = f"{LIST}/{await made(client)}"
    assert (await client.patch(path, json={}, headers={"if-match": tag})).status_code == 412


@pytest.mark.parametrize("tag", ["1", '"1', '"1", "2"', "W/1", '1"', "", '"a"b"'])
async def test_what_is_no_single_tag_is_a_bad_request(client: AsyncClient, tag: str) -> None:
    path = f"{LIST}/{await made(client)}"
    answer = await client.patch(path, json={}, headers={"if-match": tag})
    assert (answer.status_code, answer.json()["type"]) == (400, "request/bad-header")


async def test_an_asterisk_names_no_version(client: AsyncClient) -> None:
    path = f"{LIST}/{await made(client)}"
    assert (await client.patch(path, json={}, headers={"if-match": "*"})).status_code == 428
    assert (await client.post(f"{path}/touch", headers={"if-match": "*"})).status_code == 200


async def test_a_post_honours_the_version_where_it_is_sent(client: AsyncClient) -> None:
    path = f"{LIST}/{await made(client)}/touch"
    assert (await client.post(path, headers={"if-match": '"7"'})).status_code == 412
    assert (await client.post(path, headers={"if-match": '"1"'})).status_code == 200


async def test_the_key_is_looked_up_before_the_version(client: AsyncClient) -> None:
    path = f"{LIST}/{await made(client)}"
    headers = {"if-match": '"1"', "idempotency-key": "k"}
    first = await client.patch(path, json={"name": "Bow"}, headers=headers)
    again = await client.patch(path, json={"name": "Bow"}, headers=headers)
    assert (first.status_code, again.status_code, again.headers["idempotency-replayed"]) == (200, 200, "true")


async def test_a_read_of_the_version_at_hand_is_not_sent_again(client: AsyncClient) -> None:
    path = f"{LIST}/{await made(client)}"
    unchanged = await client.get(path, headers={"if-none-match": '"1"'})
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", '"1"')
    for held in ('W/"1"', "*", '"7", "1"', 'W/"7",W/"1"'):
        assert (await client.get(path, headers={"if-none-match": held})).status_code == 304, held
    for other in ('"2"', 'W/"2"', '"11"', "1", "", '"2", "3"'):
        assert (await client.get(path, headers={"if-none-match": other})).status_code == 200, other
