"""The load generator, a process of its own: HTTP/1.1 over kept-alive connections, next to no work per request.

It reads one job a line on standard input and writes one outcome a line. `Generator` in `generator.py` drives it.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from typing import cast

import msgspec
import uvloop

LARGEST_LINE = 1 << 26
_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Whole requests as text. With `seconds` they are sent again and again until then, else each of them once."""

    host: str
    port: int
    connections: int
    requests: list[str]
    seconds: float | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a job came to. `cpu_seconds` is what this process itself used up."""

    answered: int
    seconds: float
    cpu_seconds: float
    statuses: dict[str, int]
    median_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


class _Tally:
    """What the connections of a job share."""

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self.requests = requests
        self.until = until
        self.statuses: Counter[bytes] = Counter()
        self.latencies: list[float] = []

    def next(self) -> bytes | None:
        return next(self.requests, None) if time.perf_counter() < self.until else None


class _Connection(asyncio.Protocol):
    """Sends a request, waits for the whole answer, sends the next; `done` is settled when there is none left."""

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._received = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        head = received.find(_END)
        if head >= 0 and len(received) >= head + len(_END) + _length(received[:head]):
            self._tally.latencies.append(time.perf_counter() - self._sent_at)
            self._tally.statuses[received[9:12]] += 1
            self._received = b""
            self._next()
        else:
            self._received = received

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        request = self._tally.next()
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def _length(head: bytes) -> int:
    start = head.lower().index(_LENGTH) + len(_LENGTH)
    return int(head[start:].split(b"\r", 1)[0])


async def run(job: Job) -> Outcome:
    """Raises what a connection fails with: a benchmark with errors measures nothing."""
    loop = asyncio.get_running_loop()
    requests = [request.encode() for request in job.requests]
    began, cpu = time.perf_counter(), time.process_time()
    until = float("inf") if job.seconds is None else began + job.seconds
    tally = _Tally(iter(requests) if job.seconds is None else cycle(requests), until)
    connections = [
        (await loop.create_connection(lambda: _Connection(tally), job.host, job.port))[1]
        for _ in range(job.connections)
    ]
    await asyncio.gather(*(connection.done for connection in connections))
    latencies = sorted(tally.latencies)
    return Outcome(
        answered=len(latencies),
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - cpu,
        statuses={status.decode(): count for status, count in tally.statuses.items()},
        median_ms=latencies[len(latencies) // 2] * 1000,
        p99_ms=latencies[len(latencies) * 99 // 100] * 1000,
    )


def main() -> None:
    """One job after another until standard input ends."""
    decoder = msgspec.json.Decoder(Job)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin.buffer:
            outcome = runner.run(run(decoder.decode(line)))
            sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
