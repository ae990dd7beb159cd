"""The load generator: every request once or until the time is over, whole answers only, and no error is overlooked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.generator import Generator, LoadFailed, generator, mean_cost_us, request
from benchmarks.load import Job, run


class Server:
    """Answers each request with its path, in pieces; a path of three digits is the status."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1].decode()
            self.paths.append(path)
            if path == "/hang-up":
                writer.close()
                return
            status = path[1:] if path[1:].isdigit() else "200"
            answer = f"HTTP/1.1 {status} X\r\nContent-Length: {len(path)}\r\nx: y\r\n\r\n{path}".encode()
            for start in range(0, len(answer), 17):
                writer.write(answer[start : start + 17])
                await writer.drain()
                await asyncio.sleep(0)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, int]]:
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await server.serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        yield server, listener.sockets[0].getsockname()[1]


def job(port: int, *paths: str, seconds: float | None = None) -> Job:
    requests = [request("GET", path, "token") for path in paths]
    return Job(host="127.0.0.1", port=port, connections=3, requests=requests, seconds=seconds)


async def test_without_a_time_every_request_is_sent_once() -> None:
    paths = [f"/p{number}" for number in range(20)]
    async with serving() as (server, port):
        outcome = await run(job(port, *paths))
    assert sorted(server.paths) == sorted(paths)
    assert outcome.answered == 20
    assert outcome.statuses == {"200": 20}
    assert 0 < outcome.median_ms <= outcome.p99_ms
    assert outcome.rate == pytest.approx(20 / outcome.seconds)
    assert mean_cost_us([outcome, outcome]) == pytest.approx(outcome.cpu_seconds / 20 * 1e6)


async def test_with_a_time_they_are_sent_again_and_again() -> None:
    async with serving() as (server, port):
        outcome = await run(job(port, "/one", "/two", seconds=0.1))
    assert outcome.answered == len(server.paths) > 2
    assert abs(server.paths.count("/one") - server.paths.count("/two")) <= 1


async def test_a_connection_that_breaks_is_an_error_and_not_a_fast_answer() -> None:
    async with serving() as (_, port):
        with pytest.raises(ConnectionError):
            await run(job(port, "/hang-up"))


async def test_in_a_process_of_its_own_it_answers_jobs_and_unexpected_answers_fail() -> None:
    async with serving() as (_, port), generator() as load:
        assert (await load.run(job(port, "/a", "/b"))).answered == 2
        assert (await load.run(job(port, "/404"), expected=404)).statuses == {"404": 1}
        with pytest.raises(LoadFailed, match="409"):
            await load.run(job(port, "/a", "/409"))
        with pytest.raises(LoadFailed, match="ended"):
            await ended(load, port)


async def ended(load: Generator, port: int) -> None:
    """The connection breaks, so the generator gives up, says why on standard error, and ends."""
    await load.run(job(port, "/hang-up"))


def test_a_request_is_whole() -> None:
    said = request("POST", "/v1/x", "t", "{}", idempotency_key="k")
    head, body = said.split("\r\n\r\n")
    assert head.splitlines() == [
        "POST /v1/x HTTP/1.1",
        "host: 127.0.0.1",
        "authorization: Bearer t",
        "idempotency-key: k",
        "content-type: application/json",
        "content-length: 2",
    ]
    assert body == "{}"
    assert request("GET", "/", "t").endswith("\r\n\r\n")
