"""Over HTTP a witness keeps the promises of cosigners, behind the product's own edge; a bad one is soon given up."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.inbound.rest.witness import witness_router
from adapters.outbound.http.cosigners import LARGEST_ANSWER, HttpCosigners
from app.log.cosigner import Cosigner
from concordat.servers import WebServer, bind
from ports.cosigners import Cosigners, WitnessUnavailable
from tests.contracts.cosigners import CosignersContract, request_of
from tests.contracts.ledger import HONEST
from tests.support.witnesses import cosigner
from tests.unit.rest.fake import serve

LINE = b"\xe2\x80\x94 w.test/w AAAAAAAA\n"

BAD: dict[str, tuple[bytes, ...]] = {
    "a server error": (b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",),
    "somewhere else": (b"HTTP/1.1 307 There\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",),
    "too many requests": (b"HTTP/1.1 429 No\r\ncontent-length: 0\r\n\r\n",),
    "no line": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",),
    "a line without end": (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",),
    "a conflict without a size": (b"HTTP/1.1 409 No\r\ncontent-length: 0\r\n\r\n",),
    "a conflict with a strange size": (b"HTTP/1.1 409 No\r\ncontent-length: 4\r\n\r\n007\n",),
    "no HTTP": (b"220 mail.test ESMTP\r\n",),
    "an answer that is cut off": (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", LINE),
    "an answer that is too long": (
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (LARGEST_ANSWER * 2),
        LINE * (LARGEST_ANSWER * 2 // len(LINE)),
    ),
    "a huge answer that was packed small": (
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc",
    ),
    "nothing": (b"",),
}


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    with capture_logs() as captured:
        yield captured


@asynccontextmanager
async def answering(
    *parts: bytes, pause: float = 0.0, hold: bool = False, heads: list[bytes] | None = None
) -> AsyncIterator[str]:
    """A server that reads a request and sends these bytes; with `hold` it never ends the connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
            if heads is not None:
                heads.append(head)
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
            if hold:
                await asyncio.sleep(60)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/witness"
    finally:
        server.close()


class TestHttpCosigners(CosignersContract):
    @asynccontextmanager
    async def make(self, witness: Cosigner) -> AsyncIterator[tuple[Cosigners, str]]:
        listener, address = bind("http", "127.0.0.1", 0, anywhere=True)
        server = WebServer(serve(routers=[witness_router(witness)]).app, listener, grace_seconds=1)
        await server.start()
        try:
            async with HttpCosigners() as cosigners:
                yield cosigners, f"http://{address}/witness"
        finally:
            await server.stop()
            listener.close()

    @pytest.mark.parametrize("name", BAD)
    async def test_what_no_witness_says_is_unavailable(self, name: str) -> None:
        async with answering(*BAD[name]) as url, HttpCosigners() as cosigners:
            with pytest.raises(WitnessUnavailable, match=r"witness/unavailable|does not answer"):
                await cosigners.add_checkpoint(url, request_of(1))

    @pytest.mark.parametrize("parts", [(), (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n", *[b"x"] * 99)])
    async def test_who_is_slow_or_sends_a_byte_now_and_then_is_given_up_in_time(self, parts: tuple[bytes, ...]) -> None:
        async with answering(*parts, pause=0.1, hold=True) as url, HttpCosigners(0.4) as cosigners:
            started = time.monotonic()
            with pytest.raises(WitnessUnavailable, match=r"0\.4 s"):
                await cosigners.add_checkpoint(url, request_of(1))
            assert time.monotonic() - started < 2

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://127.0.0.1:1/witness", "nobody listens there"),
            ("http://[", "there is no such host"),
            ("http://", "the connection failed: UnsupportedProtocol"),
        ],
    )
    async def test_nobody_there_is_unavailable_for_a_reason_in_words(self, url: str, reason: str) -> None:
        async with HttpCosigners() as cosigners:
            with pytest.raises(WitnessUnavailable) as unavailable:
                await cosigners.add_checkpoint(url, request_of(1))
        assert unavailable.value.parameters["reason"] == reason

    async def test_a_scheme_that_is_not_spoken_there_is_named(self) -> None:
        async with answering(b"220 mail.test ESMTP\r\n") as url, HttpCosigners() as cosigners:
            with pytest.raises(WitnessUnavailable, match="no HTTP is spoken there"):
                await cosigners.add_checkpoint(url, request_of(1))
        async with self.make(cosigner("peak", HONEST.key)) as (cosigners, url):
            with pytest.raises(WitnessUnavailable, match="no TLS is spoken there"):
                await cosigners.add_checkpoint(f"https{url[4:]}", request_of(1))

    async def test_cookies_are_not_kept(self) -> None:
        told = b"set-cookie: a=b; path=/\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(LINE)
        heads: list[bytes] = []
        async with answering(b"HTTP/1.1 200 OK\r\n" + told, LINE, heads=heads) as url, HttpCosigners() as cosigners:
            for _ in range(2):
                await cosigners.add_checkpoint(url, request_of(1))
        assert len(heads) == 2
        assert not any(b"cookie" in head.lower() for head in heads)
