"""The load generator as the benchmarks hold it: a child process that is given jobs and must answer them flawlessly."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import msgspec

from benchmarks.load import LARGEST_LINE, Job, Outcome
from tests.support.processes import clean_environment, die_with_parent

_OUTCOME = msgspec.json.Decoder(Outcome)


class LoadFailed(Exception):
    """A request was not answered as expected, or the generator itself gave up."""


class Generator:
    """Sends load from its own process and core, as far as there is one."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, job: Job, expected: int = 200) -> Outcome:
        """Raises LoadFailed unless every answer has the expected status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise LoadFailed("the load generator ended; its own words are above")
        outcome = _OUTCOME.decode(line)
        if set(outcome.statuses) != {str(expected)}:
            raise LoadFailed(f"not all answers were {expected}: {outcome.statuses}")
        return outcome


@asynccontextmanager
async def generator() -> AsyncIterator[Generator]:
    """A generator for as long as the block lasts."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.load"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LARGEST_LINE,
        env=clean_environment(),
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    try:
        yield Generator(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def request(method: str, path: str, token: str, body: str | None = None, **headers: str) -> str:
    """A whole request as text; `headers` are spelt with underscores."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"authorization: Bearer {token}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(body.encode())}"]
    return "\r\n".join([*lines, "", body or ""])


def mean_cost_us(outcomes: Iterable[Outcome]) -> float:
    """What one request costs the generator itself, in microseconds of processor time."""
    kept = list(outcomes)
    return sum(each.cpu_seconds for each in kept) / sum(each.answered for each in kept) * 1e6
