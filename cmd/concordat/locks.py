"""Locks that say how many processes there may be: one on a SQLite file, one worker in a deployment on Postgres."""

import fcntl
import os
import socket
from asyncio import timeout
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import structlog

from adapters.outbound.sql.meaning import meaning
from adapters.outbound.sql.postgres_url import dsn, is_postgres
from concordat.failures import Failure

_log = structlog.get_logger(__name__)

# Any number does, as long as it is the same in every version.
WORKER_KEY = 0x434F4E43
_HOLDER = (
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = $1 AND l.objsubid = 1"
)
_ANSWER_SECONDS = 3
# The last of them is what the driver makes of every use between the server's farewell and the end of the connection.
_FAILED = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class WorkerLock(Protocol):
    """Held by the one process whose workers run."""

    @property
    def held(self) -> bool: ...

    async def keep(self) -> None:
        """Find out whether it is still held, and take it again if it was lost and nobody else has it."""

    async def release(self) -> None: ...


class ProcessLock:
    """A lock on a file, which the operating system lets go of however the process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take it and leave the process id in the file; False when another process has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> str:
        """The process id of whoever has it, as far as the file says."""
        with suppress(OSError):
            return self.path.read_text().strip() or "unknown"
        return "unknown"


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for one in memory and for any other engine."""
    scheme, _, path = url.partition(":///")
    path = path.partition("?")[0]
    return Path(path) if scheme.startswith("sqlite") and path and path != ":memory:" else None


def process_lock(database: Path) -> ProcessLock:
    """The lock of a SQLite database."""
    return ProcessLock(database.with_name(f"{database.name}.lock"))


@contextmanager
def alone(database_url: str) -> Iterator[None]:
    """Be the one process on a SQLite file; raises Failure that names the other one. Nothing for other engines."""
    file = sqlite_file(database_url)
    if file is None:
        yield
        return
    lock = process_lock(file)
    if not lock.acquire():
        raise Failure(
            f"Process {lock.holder()} serves {file} already, and SQLite takes one process only.",
            "Stop that process, name another CONCORDAT_DATA_FOLDER, or use Postgres.",
        )
    try:
        yield
    finally:
        lock.release()


class AlwaysHeld:
    """The worker lock where one process is all there is."""

    held = True

    async def keep(self) -> None:
        """Nobody else can take it."""

    async def release(self) -> None:
        """It ends with the process."""


class PostgresWorkerLock:
    """An advisory lock of a session of its own: Postgres lets go of it when that session ends, however it ends."""

    def __init__(self, url: str) -> None:
        self._dsn = dsn(url)
        self._connection: Any = None
        self.holder = ""

    @property
    def held(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    async def acquire(self) -> bool:
        """False when another worker has it, which is then named in `holder`."""
        name = f"concordat worker {socket.gethostname()}:{os.getpid()}"
        connection: Any = await asyncpg.connect(
            self._dsn, timeout=_ANSWER_SECONDS, server_settings={"application_name": name[:63]}
        )
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", WORKER_KEY):
            self._connection = connection
            return True
        self.holder = await connection.fetchval(_HOLDER, WORKER_KEY) or "another session"
        await connection.close(timeout=_ANSWER_SECONDS)
        return False

    async def keep(self) -> None:
        if self.held:
            try:
                async with timeout(_ANSWER_SECONDS):
                    await self._connection.fetchval("SELECT 1")
                return
            except _FAILED:
                _log.warning("worker lock lost")
                self._connection.terminate()
        self._connection = None
        with suppress(*_FAILED):
            if await self.acquire():
                _log.warning("worker lock taken again")

    async def release(self) -> None:
        if self._connection is not None:
            with suppress(*_FAILED):
                await self._connection.close(timeout=1)
            self._connection = None


async def worker_lock(database_url: str) -> WorkerLock:
    """The lock of the one worker; raises Failure that names the one there is, and StoreUnavailable."""
    if not is_postgres(database_url):
        return AlwaysHeld()
    lock = PostgresWorkerLock(database_url)
    async with meaning():
        taken = await lock.acquire()
    if not taken:
        raise Failure(
            f"There is a worker already ({lock.holder}), and the embedded bus and ledger take one only.",
            "Start this process with --role http or --role grpc.",
        )
    return lock
