"""Bytes that no HTTP library would send, to a served process: each gets its answer, and the process goes on."""

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest

from tests.e2e.served import Installation, token_of
from tests.support.processes import Process

SECONDS = 10.0
IDLE = 300
LIST, MAKE = b"GET /v1/visits HTTP/1.1\r\n", b"POST /v1/members HTTP/1.1\r\nContent-Type: application/json\r\n"
COMMON = b"Host: x\r\nConnection: close\r\n"

ROWS: dict[str, tuple[bytes, int]] = {
    "an ordinary request": (LIST, 200),
    "no HTTP at all": (b"nonsense\r\n", 400),
    "the beginning of HTTP/2": (b"PRI * HTTP/2.0\r\n", 400),
    "a version that does not exist": (b"GET /v1/visits HTTP/9.9\r\n", 400),
    "a method that does not exist": (b"BREW /v1/visits HTTP/1.1\r\n", 400),
    "a method in small letters": (b"get /v1/visits HTTP/1.1\r\n", 400),
    "TRACE": (b"TRACE /v1/visits HTTP/1.1\r\n", 405),
    "CONNECT": (b"CONNECT evil.test:443 HTTP/1.1\r\n", 400),
    "OPTIONS for the whole server": (b"OPTIONS * HTTP/1.1\r\n", 404),
    "another server's address": (b"GET http://evil.test/v1/visits HTTP/1.1\r\n", 200),
    "a path that climbs": (b"GET /v1/../v1/visits HTTP/1.1\r\n", 404),
    "a path with double slashes": (b"GET //v1//visits HTTP/1.1\r\n", 404),
    "a path with a space": (b"GET /v1/vis its HTTP/1.1\r\n", 400),
    "a path that is not ASCII": (b"GET /v1/visits/\xff HTTP/1.1\r\n", 400),
    "a path that is not UTF-8": (b"GET /v1/visits/%ff HTTP/1.1\r\n", 422),
    "a path with a NUL": (b"GET /v1/visits/%00 HTTP/1.1\r\n", 422),
    "a path of 100 KB": (b"GET /v1/" + b"x" * 100_000 + b" HTTP/1.1\r\n", 400),
    "metrics from the public port": (b"GET /metrics HTTP/1.1\r\n", 404),
    "a header of 16 KB": (LIST + b"X: " + b"x" * 16_384 + b"\r\n", 431),
    "a header of 1 MB": (LIST + b"X: " + b"x" * 1_048_576 + b"\r\n", 431),
    "10,000 headers": (LIST + b"".join(b"X%d: y\r\n" % number for number in range(10_000)), 431),
    "a header with a NUL": (LIST + b"X: a\0b\r\n", 400),
    "a header on two lines": (LIST + b"X: a\r\n b\r\n", 400),
    "a length below zero": (MAKE + b"Content-Length: -2\r\n", 400),
    "two lengths": (MAKE + b"Content-Length: 2\r\nContent-Length: 3\r\n", 400),
    "a length and chunks": (MAKE + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
    "50 MB, announced": (MAKE + b"Expect: 100-continue\r\nContent-Length: 50000000\r\n", 413),
    "two credentials": (LIST + b"Authorization: Bearer x\r\n", 401),
}
"""What is sent before the common headers and a good token, and the status."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Installation]]:
    installation = Installation(folder=tmp_path_factory.mktemp("bad-inputs"))
    with installation.serve() as process:
        yield process, installation


@pytest.fixture
def at(server: tuple[Process, Installation]) -> tuple[str, int]:
    where = urlsplit(server[1].api)
    assert where.hostname is not None and where.port is not None
    return where.hostname, where.port


@pytest.fixture
def credential(server: tuple[Process, Installation]) -> bytes:
    return f"Authorization: Bearer {token_of(server[0])}\r\n".encode()


def exchanged(at: tuple[str, int], head: bytes, body: Sequence[bytes] = ()) -> tuple[int, int]:
    """The status that a connection is answered with, and how many bytes of the body it took."""
    taken, answer = 0, b""
    with socket.create_connection(at, timeout=SECONDS) as connection:
        # A server that has read enough may close, and what it said before can still be read.
        with suppress(OSError):
            connection.sendall(head + b"\r\n")
            for part in body:
                connection.sendall(part)
                taken += len(part)
        with suppress(OSError):
            while part := connection.recv(65_536):
                answer += part
    status = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert status is not None, answer[:200]
    return int(status[1]), taken


@pytest.mark.parametrize("name", ROWS)
def test_every_request_gets_its_answer(at: tuple[str, int], credential: bytes, name: str) -> None:
    sent, status = ROWS[name]
    assert exchanged(at, sent + COMMON + credential)[0] == status


def test_50_mb_in_chunks_are_not_taken(at: tuple[str, int], credential: bytes) -> None:
    head = MAKE + COMMON + credential + b"Transfer-Encoding: chunked\r\n"
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    status, taken = exchanged(at, head, [chunk] * 800)
    assert status == 413
    assert taken < 25_000_000, "what is over the limit stays in the buffers of the network"


def test_chunks_that_are_none_are_refused(at: tuple[str, int], credential: bytes) -> None:
    assert exchanged(at, MAKE + COMMON + credential + b"Transfer-Encoding: chunked\r\n", [b"zz\r\n{}\r\n"])[0] == 400


def test_connections_that_say_nothing_keep_nobody_out(at: tuple[str, int], credential: bytes) -> None:
    with ExitStack() as idle:
        for number in range(IDLE):
            connection = idle.enter_context(socket.create_connection(at, timeout=SECONDS))
            connection.sendall(LIST[: number % len(LIST)])
        assert exchanged(at, LIST + COMMON + credential)[0] == 200


def test_the_process_went_on_and_logged_no_fault(
    server: tuple[Process, Installation], at: tuple[str, int], credential: bytes
) -> None:
    process, _ = server
    assert exchanged(at, LIST + COMMON + credential)[0] == 200
    assert process.returncode is None
    for word in ("Traceback", "unhandled"):
        assert word not in process.output()
