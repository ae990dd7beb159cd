"""The life of a serving process: locks, schema, wiring, workers, servers, in this order, and back again."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from adapters.inbound.jobs.runner import Job, Runner
from concordat.builders import embedded, hold_ledger
from concordat.container import System, running
from concordat.development import development_club, token_for
from concordat.failures import Failure
from concordat.locks import alone, sqlite_file, worker_lock
from concordat.readiness import Readiness
from concordat.role import Role
from concordat.running import Running
from concordat.schema import State as SchemaState
from concordat.schema import schema_state
from concordat.servers import Address, WebServer, bind, free, listen
from concordat.settings import Settings

if TYPE_CHECKING:
    from adapters.inbound.grpc.server import GrpcServer

GRACE_SECONDS = 3
LAST_TURN_SECONDS = 2.0
NOTICE_SECONDS = 1.0
KEEP_LOCK_SECONDS = 2.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where a process serves, for whoever started it; `token` is for trying things out, in the local profile alone."""

    settings: Settings
    role: Role
    http: Address | None
    grpc: Address | None
    admin: Address
    unready: list[str]
    club: UUID | None
    token: str | None

    @property
    def note(self) -> Running:
        """What commands beside this process may know of it."""
        return Running(
            pid=os.getpid(),
            api=None if self.http is None else f"http://{self.http}",
            grpc=None if self.grpc is None else str(self.grpc),
            admin=f"http://{self.admin}",
        )


@asynccontextmanager
async def serving(settings: Settings, role: Role) -> AsyncIterator[Serving]:
    """A process that serves until the block ends; then it drains and stops, within five seconds."""
    async with AsyncExitStack() as stack:
        prepare_folders(settings)
        stack.enter_context(alone(settings.database))
        system = await stack.enter_async_context(running(settings))
        await _bring_up_to_date(system)
        readiness = Readiness(system)
        servers = await stack.enter_async_context(_servers(system, role, readiness))
        if role.does(Role.WORKER):
            await stack.enter_async_context(_working(system))
        unready = [reason for reasons in (await readiness.reasons()).values() for reason in reasons]
        club, token = (None, None) if unready else await _something_to_try(system, role)
        yield Serving(settings=settings, role=role, unready=unready, club=club, token=token, **servers)
        # What is pushed last is undone first: the outside hears it before anything stops.
        readiness.drain()
        if not settings.local:
            await asyncio.sleep(NOTICE_SECONDS)


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
    """The embedded database of the local profile is migrated at once; every other one by `concordat migrate`."""
    settings = system.settings
    if not (settings.local and embedded(settings)):
        return
    async with system.database.reading(None) as session:
        state = await schema_state(session)
    if state is SchemaState.BEHIND:
        # Loaded only when there is something to do, since it takes as long as a fifth of the start.
        from adapters.outbound.sql.migrate import migrate

        await migrate(settings.database)


@asynccontextmanager
async def _servers(system: System, role: Role, readiness: Readiness) -> AsyncIterator[dict[str, Any]]:
    """Every port is bound before anything starts, so that what is taken is known at once."""
    from prometheus_client import CollectorRegistry

    from adapters.inbound.grpc.edge.metrics import Metrics as GrpcMetrics
    from adapters.inbound.rest.edge.metrics import Metrics
    from concordat.edges import admin_app, grpc_server, rest_app

    settings, registry = system.settings, CollectorRegistry()
    metrics, anywhere = Metrics(registry), settings.local
    async with AsyncExitStack() as stack:
        web: list[WebServer] = []
        http = at = None
        if role.does(Role.HTTP):
            listener, http = bind("http", settings.host, settings.http_port, anywhere=anywhere)
            stack.callback(listener.close)
            web.append(WebServer(rest_app(system, readiness, metrics), listener, grace_seconds=GRACE_SECONDS))
        listener, admin = bind("admin", settings.admin_host, settings.admin_port, anywhere=anywhere)
        stack.callback(listener.close)
        web.append(WebServer(admin_app(system, readiness, metrics), listener, grace_seconds=1))
        grpc = grpc_server(system, readiness, GrpcMetrics(registry)) if role.does(Role.GRPC) else None
        if grpc is not None:
            at = listen("grpc", _listening(grpc), settings.host, settings.grpc_port, anywhere=anywhere)
            await grpc.start()
        for server in web:
            await server.start()
        try:
            yield {"http": http, "grpc": at, "admin": admin}
        finally:
            stops = [server.stop() for server in web]
            await asyncio.gather(*stops, *([] if grpc is None else [grpc.stop(grace_seconds=GRACE_SECONDS)]))


def _listening(grpc: "GrpcServer") -> Callable[[str, int], int]:
    return lambda host, port: grpc.listen(host, free(host, port))


@asynccontextmanager
async def _working(system: System) -> AsyncIterator[None]:
    """The workers of every module, as long as this process holds the lock."""
    lock = await worker_lock(system.settings.database)
    try:
        await hold_ledger(system.infrastructure.ledger)
        jobs = [job for built in system.modules for job in built.jobs(system.infrastructure)]
        keeper = Runner([Job(name="worker.lock", every_seconds=KEEP_LOCK_SECONDS, tick=lock.keep)])
        runner = Runner(jobs, may_run=lambda: lock.held)
        async with _going(runner), _going(keeper):
            yield
    finally:
        await lock.release()


@asynccontextmanager
async def _going(runner: Runner) -> AsyncIterator[None]:
    """Runs it, and gives the last turns a moment to end."""
    task = asyncio.create_task(runner.run(), name="jobs")
    try:
        yield
    finally:
        runner.stop()
        done, _ = await asyncio.wait([task], timeout=LAST_TURN_SECONDS)
        if not done:
            _log.warning("jobs did not end in time")
            task.cancel()
            await asyncio.wait([task], timeout=LAST_TURN_SECONDS)


async def _something_to_try(system: System, role: Role) -> tuple[UUID | None, str | None]:
    """A club and a token for it, where people can use them: in the local profile, at an API."""
    if not system.settings.local or role is Role.WORKER:
        return None, None
    club = await development_club(system)
    return club, token_for(system, club)
