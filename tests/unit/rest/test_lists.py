"""Lists: limits, cursors that belong to one list of one club, and links that lead through all of it."""

import re
from typing import Any
from uuid import UUID

import pytest
from httpx2 import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from adapters.inbound.rest.edge.lists import page_of
from shared.paging import PageRequest
from tests.unit.rest.fake import OTHER_TOKEN, Served

LIST = "/v1/things"


async def fill(client: AsyncClient, count: int) -> list[str]:
    made = []
    for number in range(count):
        mood = "wild" if number % 2 else "calm"
        body = {"name": f"Oar {number}", "password": "x", "amount": 1, "mood": mood}
        made.append((await client.post(LIST, json=body)).json()["id"])
    return made


def ids(answer: Any) -> list[str]:
    return [thing["id"] for thing in answer.json()["data"]]


async def test_the_links_lead_through_the_whole_list_and_back(client: AsyncClient) -> None:
    made = await fill(client, 7)
    answer = await client.get(LIST, params={"limit": 3})
    assert answer.json()["meta"]["prev"] is None and "prev" not in answer.headers["link"]
    seen, forth = ids(answer), [answer]
    while answer.json()["meta"]["next"]:
        link = re.search(r'<([^>]+)>; rel="next"', answer.headers["link"])
        assert link is not None and link[1].startswith(f"{LIST}?")
        answer = await client.get(link[1])
        forth.append(answer)
        seen += ids(answer)
    assert seen == made and len(forth) == 3
    assert 'rel="next"' not in answer.headers["link"]
    for earlier in reversed(forth[:-1]):
        answer = await client.get(LIST, params={"limit": 3, "cursor": answer.json()["meta"]["prev"]})
        assert ids(answer) == ids(earlier)


async def test_links_keep_the_filters(client: AsyncClient) -> None:
    made = await fill(client, 6)
    first = await client.get(LIST, params={"limit": 2, "mood": "wild"})
    assert "mood=wild" in first.headers["link"] and "limit=2" in first.headers["link"]
    rest = await client.get(LIST, params={"limit": 2, "mood": "wild", "cursor": first.json()["meta"]["next"]})
    assert ids(first) + ids(rest) == made[1::2]


async def test_a_short_list_has_no_links(client: AsyncClient) -> None:
    await fill(client, 2)
    answer = await client.get(LIST)
    assert "link" not in answer.headers and answer.json()["meta"] == {"next": None, "prev": None}


async def test_a_cursor_belongs_to_one_list_of_one_club(client: AsyncClient, served: Served) -> None:
    await fill(client, 5)
    async with served.client(OTHER_TOKEN) as other:
        await fill(other, 5)
        cursor = (await client.get(LIST, params={"limit": 2})).json()["meta"]["next"]
        assert (await client.get(LIST, params={"cursor": cursor})).status_code == 200
        for refused in (
            await other.get(LIST, params={"cursor": cursor}),
            await client.get("/v1/other-things", params={"cursor": cursor}),
            await client.get(LIST, params={"cursor": cursor, "mood": "wild"}),
        ):
            assert (refused.status_code, refused.json()["type"]) == (422, "request/bad-cursor")
            assert cursor not in refused.text


async def test_no_altered_cursor_is_taken(client: AsyncClient) -> None:
    await fill(client, 3)
    cursor = (await client.get(LIST, params={"limit": 1})).json()["meta"]["next"]
    for at in range(len(cursor)):
        other = "A" if cursor[at] != "A" else "B"
        altered = cursor[:at] + other + cursor[at + 1 :]
        assert (await client.get(LIST, params={"cursor": altered})).status_code == 422


@pytest.mark.parametrize("cursor", ["", "x", "=", "A" * 44, "A" * 4_000, "../../etc", "ä", "1", "0"])
async def test_what_was_never_a_cursor_is_refused(client: AsyncClient, cursor: str) -> None:
    answer = await client.get(LIST, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["type"]) == (422, "request/bad-cursor")


@pytest.mark.parametrize(
    "limit",
    ["-1", "0", "201", "1000000000", "1.0", "1e2", " 12 ", "1_0", "+5", "", "٣", "0x10", "true", "null", "1" * 400],
)
async def test_a_limit_is_an_integer_from_1_to_200(client: AsyncClient, limit: str) -> None:
    answer = await client.get(LIST, params={"limit": limit})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/limit")


async def test_limits_within_the_range_are_taken(client: AsyncClient) -> None:
    made = await fill(client, 3)
    for limit in (1, 2, 200):
        assert ids(await client.get(LIST, params={"limit": limit})) == made[:limit]


@given(st.lists(st.integers(0, 40), unique=True), st.integers(1, 5))
def test_a_list_at_hand_is_paged_without_loss_or_repetition(numbers: list[int], limit: int) -> None:
    rows = [UUID(int=number) for number in sorted(numbers)]
    page = page_of(rows, lambda row: row, PageRequest(limit=limit))
    seen, pages = [*page.data], [page]
    while page.next is not None:
        page = page_of(rows, lambda row: row, PageRequest(limit=limit, after=page.next))
        pages.append(page)
        seen += page.data
    assert seen == rows
    for earlier in reversed(pages[:-1]):
        assert page.prev is not None
        page = page_of(rows, lambda row: row, PageRequest(limit=limit, before=page.prev))
        assert list(page.data) == list(earlier.data)
    assert page.prev is None
