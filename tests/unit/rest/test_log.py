"""The log over REST: receipts in both spellings, the bundle's very bytes, and published logs as tlog-tiles has them."""

from typing import Any, cast
from uuid import UUID

import pytest
from httpx2 import AsyncClient

from adapters.inbound.rest.log import log_router, tiles_router
from core.log.receipts import Receipt, parse_receipt
from core.log.tiles import parse_path
from core.log.trust import TrustBundle, parse_bundle
from ports.caller import Caller
from ports.log import NotYetSigned
from ports.unit_of_work import Missing
from tests.unit.log.scenario import EVENT_ID, HARBOUR, SCENARIO
from tests.unit.rest.fake import new_id, serve


class FakeReceipts:
    """One receipt; every other event has no leaf yet."""

    async def get(self, caller: Caller, event_id: UUID) -> Receipt:
        if event_id != EVENT_ID:
            raise NotYetSigned(event_id=str(event_id), commitment="abc")
        return SCENARIO.anchored()


class FakeTrust:
    async def bundle(self) -> TrustBundle:
        return SCENARIO.bundle()


class FakeAnchoring:
    def __init__(self) -> None:
        self.asked: list[Caller] = []

    async def ask(self, caller: Caller) -> None:
        self.asked.append(caller)


class FakePublished:
    """A log with one tile and one bundle."""

    async def checkpoint(self, origin: str) -> str:
        if origin != HARBOUR:
            raise Missing(kind="log")
        return SCENARIO.signed()

    async def file(self, origin: str, path: str) -> bytes:
        wanted = parse_path(path)
        if origin != HARBOUR or wanted.width != 256:
            raise Missing(kind="tile")
        return path.encode()


ANCHORING = FakeAnchoring()
SERVED = serve(
    routers=[
        log_router(cast(Any, FakeReceipts()), cast(Any, FakeTrust()), cast(Any, ANCHORING)),
        tiles_router(cast(Any, FakePublished())),
    ]
)


@pytest.fixture
def anybody() -> AsyncClient:
    return SERVED.client(token=None)


async def test_a_receipt_comes_as_json_or_as_text_and_both_verify_alike() -> None:
    async with SERVED.client() as client:
        view = await client.get(f"/v1/log/receipts/{EVENT_ID}")
        text = await client.get(f"/v1/log/receipts/{EVENT_ID}", headers={"accept": "text/plain"})
    assert view.headers["content-type"] == "application/json"
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text.startswith("c2sp.org/tlog-proof@v1")
    assert parse_receipt(view.content) == parse_receipt(text.content) == SCENARIO.anchored()


async def test_a_receipt_that_is_not_signed_yet_may_be_asked_for_again() -> None:
    async with SERVED.client() as client:
        answer = await client.get(f"/v1/log/receipts/{new_id()}")
    assert (answer.status_code, answer.json()["type"]) == (503, "log/not-yet-signed")
    assert answer.headers["retry-after"] == "1" and answer.json()["commitment"] == "abc"


async def test_the_bundle_is_the_bytes_that_verifiers_read() -> None:
    async with SERVED.client() as client:
        answer = await client.get("/v1/trust")
    assert answer.headers["content-type"] == "application/json"
    assert parse_bundle(answer.content) == SCENARIO.bundle()


async def test_anchoring_is_a_wish_that_takes_no_key() -> None:
    async with SERVED.client() as client:
        answer = await client.post("/v1/log/anchor", headers={"idempotency-key": "k"})
    assert (answer.status_code, answer.json()) == (202, {"asked": True})
    assert ANCHORING.asked[-1].once is None


async def test_the_log_of_a_club_is_asked_for_by_the_club(anybody: AsyncClient) -> None:
    for method, path in (("GET", f"/v1/log/receipts/{EVENT_ID}"), ("GET", "/v1/trust"), ("POST", "/v1/log/anchor")):
        assert (await anybody.request(method, path)).status_code == 401


async def test_anybody_may_read_what_is_published(anybody: AsyncClient) -> None:
    checkpoint = await anybody.get(f"/log/{HARBOUR}/checkpoint")
    assert checkpoint.text == SCENARIO.signed()
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "no-cache"
    for path in ("tile/0/000", "tile/1/x001/234", "tile/entries/000"):
        tile = await anybody.get(f"/log/{HARBOUR}/{path}")
        assert (tile.status_code, tile.text) == (200, path)
        assert tile.headers["content-type"] == "application/octet-stream"
        assert "immutable" in tile.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "other/log/1/checkpoint",
        f"{HARBOUR}/tile/0/000.p/7",
        f"{HARBOUR}/tile/0/1",
        f"{HARBOUR}/tile/0/-01",
        f"{HARBOUR}/tile/../../secrets",
        f"{HARBOUR}/tile/%2e%2e/%2e%2e/etc/passwd",
        f"{HARBOUR}/tile/0/000%00",
        f"{HARBOUR}/tile/64/000",
        f"{HARBOUR}/tile/",
        f"{HARBOUR}/",
        "",
        "/checkpoint",
        "..%2f..%2fetc/checkpoint",
    ],
)
async def test_what_is_not_published_is_not_found(anybody: AsyncClient, path: str) -> None:
    assert (await anybody.get(f"/log/{path}")).status_code == 404
