"""How often: what a client is told of its rate, what it gets beyond it, and whom that concerns."""

from ipaddress import ip_network
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient, Response

from adapters.inbound.limits import Limits
from adapters.inbound.rest.settings import Settings
from adapters.outbound.inprocess.rates import InProcessRates
from ports.rates import Policy
from tests.contracts.rates import SECOND, Watch
from tests.unit.rest.fake import HOST, NO_CLUB_TOKEN, OTHER_TOKEN, TOKEN, Served, serve
from tests.unit.rest.test_conditions import GOOD

LIST = "/v1/things"
REQUESTS = Policy(name="requests", quota=4, window_seconds=60)
REFUSALS = Policy(name="refusals", quota=2, window_seconds=60)
ANONYMOUS = Policy(name="anonymous", quota=3, window_seconds=60)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def limited(watch: Watch) -> Served:
    proxies = Settings(trusted_proxies=(ip_network("10.0.0.0/8"),), docs=True)
    rates = InProcessRates(watch)
    return serve(proxies, limits=Limits(rates=rates, requests=REQUESTS, refusals=REFUSALS, anonymous=ANONYMOUS))


async def statuses(client: AsyncClient, count: int, **headers: str) -> list[int]:
    return [(await client.get(LIST, headers=headers)).status_code for _ in range(count)]


def said(answer: Response) -> tuple[str | None, str | None]:
    return answer.headers.get("ratelimit"), answer.headers.get("ratelimit-policy")


async def test_every_counted_answer_says_what_is_left(limited: Served, watch: Watch) -> None:
    async with limited.client() as client:
        first = await client.get(LIST)
        missing = await client.get(f"{LIST}/nothing")
        broken = await client.get("/v1/fail/bug")
        watch.now += 15 * SECOND
        later = await client.get(LIST)
    policy = '"requests";q=4;w=60'
    assert [said(each) for each in (first, missing, broken, later)] == [
        ('"requests";r=3;t=15', policy),
        ('"requests";r=2;t=30', policy),
        ('"requests";r=1;t=45', policy),
        ('"requests";r=1;t=45', policy),
    ]


async def test_one_request_too_many_is_a_problem_that_says_when_to_come_back(limited: Served, watch: Watch) -> None:
    async with limited.client() as client:
        assert await statuses(client, 4) == [200] * 4
        watch.now += 1
        answer = await client.post(LIST, json=GOOD)
        assert (answer.status_code, answer.headers["content-type"]) == (429, "application/problem+json")
        assert (answer.json()["type"], answer.json()["retry_after_seconds"]) == ("request/too-often", 15)
        assert answer.headers["retry-after"] == "15"
        assert said(answer) == ('"requests";r=0;t=60', '"requests";q=4;w=60')
        assert limited.things.effects == 0
        watch.now += 15 * SECOND
        assert (await client.post(LIST, json=GOOD)).status_code == 201


async def test_the_body_of_one_request_too_many_is_not_read(limited: Served) -> None:
    async with limited.client() as client:
        await statuses(client, 4)
        nonsense = await client.post(LIST, content=b"{", headers={"content-type": "text/plain"})
    assert nonsense.status_code == 429


async def test_principals_are_counted_each_by_itself(limited: Served, logs: list[Any]) -> None:
    async with limited.client() as client, limited.client(OTHER_TOKEN) as other, limited.client(NO_CLUB_TOKEN) as third:
        assert await statuses(client, 5) == [200] * 4 + [429]
        assert await statuses(other, 4) == await statuses(third, 4) == [200] * 4
    [refused] = [entry for entry in logs if entry.get("status") == 429]
    assert refused["principal"] == f"of-{TOKEN}"


async def test_who_shows_no_valid_token_is_refused_so_often_and_then_told_to_wait(limited: Served) -> None:
    async with limited.client(token=None) as client:
        for header in ({}, {"authorization": "Bearer guessed"}):
            assert (await client.get(LIST, headers=header)).status_code == 401
        answer = await client.get(LIST, headers={"authorization": "Bearer guessed-again"})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
        assert said(answer) == ('"refusals";r=0;t=60', '"refusals";q=2;w=60')
        assert "www-authenticate" not in answer.headers


async def test_a_valid_token_is_good_where_others_were_turned_away(limited: Served) -> None:
    async with limited.client(token=None) as client:
        assert await statuses(client, 4) == [401, 401, 429, 429]
        assert await statuses(client, 1, authorization=f"Bearer {TOKEN}") == [200]


async def test_what_anybody_may_ask_is_counted_by_address_under_a_policy_of_its_own(limited: Served) -> None:
    async with limited.client(token=None) as client:
        answers = [await client.get("/v1/open") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert said(answers[0]) == ('"anonymous";r=2;t=20', '"anonymous";q=3;w=60')
        assert (answers[3].json()["type"], answers[3].headers["retry-after"]) == ("request/too-often", "20")
        assert await statuses(client, 3) == [401, 401, 429]
        assert await statuses(client, 1, authorization=f"Bearer {TOKEN}") == [200]
    elsewhere = ASGITransport(limited.app, client=("192.0.2.7", 1))
    async with AsyncClient(transport=elsewhere, base_url=HOST) as other:
        assert (await other.get("/v1/open")).status_code == 200


async def test_probes_and_what_is_not_there_are_not_counted(limited: Served) -> None:
    async with limited.client() as client:
        for path in ("/healthz", "/readyz", "/nothing"):
            answers = [await client.get(path) for _ in range(6)]
            assert {said(each) for each in answers} == {(None, None)}
        assert await statuses(client, 4) == [200] * 4


async def test_without_policies_nothing_is_counted_and_nothing_said(client: AsyncClient) -> None:
    answer = await client.get(LIST)
    assert said(answer) == (None, None)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (("192.0.2.1", ""), ("192.0.2.1", ""), True),
        (("192.0.2.1", ""), ("192.0.2.2", ""), False),
        (("192.0.2.1", "198.51.100.1"), ("192.0.2.1", "198.51.100.2"), True),
        (("10.0.0.1", "198.51.100.1"), ("10.0.0.1", "198.51.100.2"), False),
        (("10.0.0.1", "198.51.100.1"), ("10.0.0.2", "198.51.100.1"), True),
        (("10.0.0.1", "1.1.1.1, 198.51.100.1"), ("10.0.0.1", "2.2.2.2, 198.51.100.1"), True),
        (("10.0.0.1", "198.51.100.1, 10.9.9.9"), ("10.0.0.1", "198.51.100.2, 10.9.9.9"), False),
        (("10.0.0.1", ""), ("10.0.0.1", " , "), True),
        (("10.0.0.1", "198.51.100.1:4711"), ("10.0.0.1", "198.51.100.1:4712"), True),
        (("10.0.0.1", "198.51.100.1:4711"), ("10.0.0.1", "198.51.100.1"), True),
        (("10.0.0.1", "198.51.100.1:4711"), ("10.0.0.1", "198.51.100.2:4711"), False),
        (("10.0.0.1", "198.51.100.1, 10.9.9.9:80"), ("10.0.0.1", "198.51.100.2, 10.9.9.9:80"), False),
        (("10.0.0.1", "[2001:db8::1]:4711"), ("10.0.0.1", "[2001:db8::2]:4712"), True),
        (("10.0.0.1", "[2001:db8::1]:4711"), ("10.0.0.1", "[2001:db8::1]"), True),
        (("10.0.0.1", "[2001:db8::1]:4711"), ("10.0.0.1", "2001:db8::1"), True),
        (("10.0.0.1", "[2001:db8::1]:4711"), ("10.0.0.1", "[2001:db8:0:1::1]:4711"), False),
        (("10.0.0.1", "[2001:db8::1"), ("10.0.0.1", "2001:db8::1"), True),
        (("10.0.0.1", "x" * 70 + "1"), ("10.0.0.1", "x" * 70 + "2"), True),
        (("2001:db8::1", ""), ("2001:db8::ffff:1", ""), True),
        (("2001:db8::1", ""), ("2001:db8:0:1::1", ""), False),
        (("::ffff:192.0.2.1", ""), ("192.0.2.1", ""), True),
        (("", ""), ("", ""), True),
    ],
)
async def test_strangers_are_told_apart_by_the_address_that_can_be_believed(
    limited: Served, one: tuple[str, str], other: tuple[str, str], together: bool
) -> None:
    """Each is whoever is connected, and what they say in X-Forwarded-For."""
    found = []
    for peer, forwarded in (one, one, other):
        transport = ASGITransport(limited.app, client=(peer, 1))
        headers = {"x-forwarded-for": forwarded} if forwarded else {}
        async with AsyncClient(transport=transport, base_url=HOST, headers=headers) as client:
            found += await statuses(client, 1)
    assert found == [401, 401, 429 if together else 401]
