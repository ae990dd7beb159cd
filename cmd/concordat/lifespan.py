"""The life of a serving process: locks, schema, wiring, workers, servers, in this order, and back again."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from adapters.inbound.jobs.runner import Job, Runner
from concordat import clocks
from concordat.builders import embedded, hold_ledger
from concordat.container import System, running
from concordat.development import development_club, token_for
from concordat.failures import Failure
from concordat.locks import WorkerLock, alone, sqlite_file, worker_lock
from concordat.network import refuse_another
from concordat.readiness import Readiness
from concordat.role import Role
from concordat.running import Running
from concordat.schema import State as SchemaState
from concordat.schema import schema_state, unknown
from concordat.servers import Addresses
from concordat.settings import Settings
from shared.clock import Now
from shared.errors import Unavailable

if TYPE_CHECKING:
    from concordat.edges import Edges

LAST_TURN_SECONDS = 2.5
CANCEL_SECONDS = 0.5
NOTICE_SECONDS = 1.0
KEEP_LOCK_SECONDS = 2.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where a process serves, for whoever started it; `token` is for trying things out, in the local profile alone."""

    settings: Settings
    role: Role
    at: Addresses
    unready: list[str]
    club: UUID | None
    token: str | None

    @property
    def note(self) -> Running:
        """What commands beside this process may know of it."""
        return Running(
            pid=os.getpid(),
            api=None if self.at.http is None else f"http://{self.at.http}",
            grpc=None if self.at.grpc is None else str(self.at.grpc),
            admin=f"http://{self.at.admin}",
        )


@asynccontextmanager
async def serving(settings: Settings, role: Role, now: Now = clocks.now) -> AsyncIterator[Serving]:
    """A process that serves until the block ends; then it drains and stops, within five seconds. `now` is its clock."""
    from concordat.edges import Edges

    async with AsyncExitStack() as stack:
        prepare_folders(settings)
        stack.enter_context(alone(settings.database))
        system = await stack.enter_async_context(running(settings, {"now": now}))
        await _bring_up_to_date(system)
        # Who may not work is told before anybody is answered, and before any port is taken.
        workers = await stack.enter_async_context(_workers(system)) if role.does(Role.WORKER) else None
        readiness = Readiness(system)
        edges = stack.enter_context(Edges(system, role, readiness))
        unready = [reason for reasons in (await readiness.reasons()).values() for reason in reasons]
        club, token = (None, None) if unready else await _something_to_try(system, role)
        await edges.start()
        stack.push_async_callback(_stop, settings, readiness, edges, workers)
        if workers is not None:
            workers.start()
        _log.info("serving", role=role, unready=unready, **settings.redacted())
        yield Serving(settings=settings, role=role, unready=unready, club=club, token=token, at=edges.at)


async def _stop(settings: Settings, readiness: Readiness, edges: "Edges", workers: "Workers | None") -> None:
    """The outside hears of it first; then everything stops at the same time, since five seconds is all there is."""
    readiness.drain()
    _log.info("stopping")
    if not settings.local:
        await asyncio.sleep(NOTICE_SECONDS)
    await asyncio.gather(edges.stop(), *([] if workers is None else [workers.stop()]))


def prepare_folders(settings: Settings) -> None:
    """Make the folders that are missing; raises Failure where that cannot be, and for a database in memory."""
    file = sqlite_file(settings.database)
    if embedded(settings) and file is None:
        raise Failure(
            "A SQLite database in memory cannot be served.", "Name a file: CONCORDAT_DATABASE_URL=sqlite:///path."
        )
    for folder in [settings.data_folder, *([] if file is None else [file.parent])]:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            advice = "Name another one with CONCORDAT_DATA_FOLDER."
            raise Failure(f"The folder {folder} cannot be made: {error.strerror}.", advice) from error


async def _bring_up_to_date(system: System) -> None:
    """The embedded database of the local profile is migrated at once; every other one by `concordat migrate`.

    Raises Failure for one that this version does not know, and for one with the clubs of another network.
    """
    settings = system.settings
    try:
        async with system.database.reading(None) as session:
            state = await schema_state(session)
    except Unavailable:
        if embedded(settings):
            raise
        # A process may be up before its database: it is not ready until that answers.
        return
    if state is SchemaState.UNKNOWN:
        raise unknown()
    if state is SchemaState.BEHIND and settings.local and embedded(settings):
        # Loaded only when there is something to do, since it takes as long as a fifth of the start.
        from adapters.outbound.sql.migrate import migrate

        await migrate(settings.database)
    if state is SchemaState.CURRENT:
        await refuse_another(system.infrastructure.backlog, settings.network)


class Workers:
    """The jobs of every module, and what keeps their lock; nothing runs while the lock is lost."""

    def __init__(self, system: System, lock: WorkerLock) -> None:
        jobs = [job for built in system.modules for job in built.jobs(system.infrastructure)]
        keeping = Job(name="worker.lock", every_seconds=KEEP_LOCK_SECONDS, tick=lock.keep)
        self._runners = (Runner(jobs, may_run=lambda: lock.held), Runner([keeping]))
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(runner.run(), name="jobs") for runner in self._runners]

    async def stop(self) -> None:
        """Gives the last turns a moment to end."""
        for runner in self._runners:
            runner.stop()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=LAST_TURN_SECONDS)
        for task in late:
            _log.warning("jobs did not end in time")
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=CANCEL_SECONDS)


@asynccontextmanager
async def _workers(system: System) -> AsyncIterator[Workers]:
    """The workers under their lock; raises Failure or LedgerUnavailable where there are others."""
    lock = await worker_lock(system.settings.database)
    try:
        await hold_ledger(system.infrastructure.ledger)
        yield Workers(system, lock)
    finally:
        await lock.release()


async def _something_to_try(system: System, role: Role) -> tuple[UUID | None, str | None]:
    """A club and a token for it, where people can use them: in the local profile, at an API."""
    if not system.settings.local or role is Role.WORKER:
        return None, None
    club = await development_club(system)
    return club, token_for(system, club)
