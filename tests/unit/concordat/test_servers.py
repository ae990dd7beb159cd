"""Where servers listen, what somebody is told whose port or address cannot be had, and what is no HTTP is answered."""

import asyncio
import errno
import json

import pytest

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
