"""Where servers listen, what somebody is told whose port or address cannot be had, and what is no HTTP is answered."""

import asyncio
import errno
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from typing import Any

import pytest

from concordat import servers
from concordat.failures import Failure
from concordat.servers import WebServer, bind, listen
from tests.unit.rest.fake import serve


def refusal(number: int, host: str) -> Failure:
    def refuse(_host: str, _port: int) -> int:
        raise OSError(number, "no")

    with pytest.raises(Failure) as refused:
        listen("http", refuse, host, 8000, anywhere=True)
    return refused.value


def test_taken_port_is_to_be_freed_or_exchanged() -> None:
    assert "CONCORDAT_HTTP_PORT" in refusal(errno.EADDRINUSE, "127.0.0.1").advice


def test_address_of_another_machine_is_no_matter_of_the_port() -> None:
    refused = refusal(errno.EADDRNOTAVAIL, "192.0.2.1")
    assert "192.0.2.1:8000" in refused.sentence
    assert "CONCORDAT_HOST" in refused.advice and "PORT" not in refused.advice


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/9\r\n\r\n"])
async def test_what_is_no_http_is_refused_as_a_problem_that_names_a_request(sent: bytes) -> None:
    listener, address = bind("http", "127.0.0.1", 0, anywhere=True)
    server = WebServer(serve().app, listener, grace_seconds=1)
    await server.start()
    try:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(sent)
        head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
        writer.close()
    finally:
        await server.stop()
        listener.close()
    status, *lines = head.decode().lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status == "http/1.1 400 bad request"
    assert (headers["content-type"], headers["connection"]) == ("application/problem+json", "close")
    assert int(headers["content-length"]) == len(body)
    problem = json.loads(body)
    assert (problem["type"], problem["status"]) == ("request/malformed-http", 400)
    assert problem["instance"] == f"urn:concordat:request:{headers['x-request-id']}"


ASKED = b"GET /v1/things HTTP/1.1\r\nHost: x\r\n"
HALF = b"POST /v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
UNFINISHED = {
    "nothing": (False, b""),
    "half a head": (False, ASKED),
    "half a body": (False, HALF),
    "an empty line after a request": (True, b"\r\n"),
    "half a head after a request": (True, ASKED),
    "half a body after a request": (True, HALF),
}
"""Whether a request came first, and what comes."""


@pytest.fixture
def app() -> Any:
    return serve().app


@pytest.fixture
async def impatient(app: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, int]]:
    """Where a server listens that gives a request a fifth of a second."""
    monkeypatch.setattr(servers, "REQUEST_SECONDS", 0.2)
    listener, address = bind("http", "127.0.0.1", 0, anywhere=True)
    server = WebServer(app, listener, grace_seconds=1)
    await server.start()
    yield address.host, address.port
    await server.stop()
    listener.close()


@pytest.mark.parametrize("name", UNFINISHED)
async def test_connection_on_which_no_request_comes_to_its_end_is_let_go(impatient: tuple[str, int], name: str) -> None:
    later, sent = UNFINISHED[name]
    reader, writer = await asyncio.open_connection(*impatient)
    with closing(writer):
        if later:
            writer.write(ASKED + b"\r\n")
            assert (await asyncio.wait_for(reader.readuntil(b"}"), 5)).startswith(b"HTTP/1.1 ")
        writer.write(sent)
        # Between two requests uvicorn itself would wait for 5 seconds.
        await asyncio.wait_for(reader.read(), 4)


async def test_request_that_is_whole_has_all_the_time_that_its_answer_takes(impatient: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*impatient)
    with closing(writer):
        for _again in range(3):
            writer.write(ASKED + b"\r\n")
            await asyncio.wait_for(reader.readuntil(b"}"), 5)
            await asyncio.sleep(0.3)


async def slowly(_scope: object, _receive: object, send: Callable[[dict[str, object]], Awaitable[None]]) -> None:
    await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


@pytest.mark.parametrize("app", [slowly])
async def test_answer_that_is_under_way_is_not_cut_off_for_half_a_further_request(impatient: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*impatient)
    with closing(writer):
        writer.write(ASKED + b"\r\n" + ASKED)
        assert (await asyncio.wait_for(reader.readuntil(b"{}"), 5)).startswith(b"HTTP/1.1 200 ")
