"""What a process shows of the system: the public REST app, the admin app, the gRPC server; the one list of them."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from ipaddress import ip_network
from socket import socket
from typing import Any

from prometheus_client import CollectorRegistry

from adapters.inbound.grpc.edge.metrics import Metrics as GrpcMetrics
from adapters.inbound.grpc.server import GrpcServer, create_server
from adapters.inbound.grpc.settings import Settings as GrpcSettings
from adapters.inbound.limits import Limits
from adapters.inbound.rest.admin import create_admin_app
from adapters.inbound.rest.application import create_app
from adapters.inbound.rest.edge.metrics import Metrics, Reading
from adapters.inbound.rest.settings import Settings as RestSettings
from app.log.anchoring import CONSUMER as ANCHORING
from app.log.integrator import CONSUMER as LOG
from app.log.keys import ROTATION
from app.relay import CONSUMER as RELAY
from concordat.assembly.fabric import ledger_gauges
from concordat.checks.disks import disk_gauges
from concordat.container import System
from concordat.module import Service
from concordat.readiness import Readiness
from concordat.role import Role
from concordat.servers import Address, Addresses, WebServer, bind, free, listen
from concordat.tls import read_tls
from ports.rates import Policy
from shared.errors import ConcordatError

GRACE_SECONDS = 3
ADMIN_GRACE_SECONDS = 1
MINUTE = 60


class Edges(AbstractContextManager["Edges"]):
    """The servers of one process. Making them takes their ports: what is taken is known before anything starts."""

    def __init__(self, system: System, role: Role, ready: Readiness) -> None:
        settings, registry = system.settings, CollectorRegistry()
        metrics, anywhere = Metrics(registry), settings.local
        self._web: list[WebServer] = []
        self._sockets: list[socket] = []
        self._grpc: GrpcServer | None = None
        http = grpc = None
        if role.does(Role.HTTP):
            http = self._listen("http", settings.host, settings.http_port, anywhere=anywhere)
            self._serve(rest_app(system, ready, metrics), grace_seconds=GRACE_SECONDS)
        admin = self._listen("admin", settings.admin_host, settings.admin_port, anywhere=anywhere)
        self._serve(admin_app(system, ready, metrics), grace_seconds=ADMIN_GRACE_SECONDS)
        if role.does(Role.GRPC):
            self._grpc = server = grpc_server(system, ready, GrpcMetrics(registry))
            grpc = listen(
                "grpc",
                lambda host, port: server.listen(host, free(host, port)),
                settings.host,
                settings.grpc_port,
                anywhere=anywhere,
            )
        self.at = Addresses(http=http, grpc=grpc, admin=admin)

    async def start(self) -> None:
        """Returns once everything answers."""
        if self._grpc is not None:
            await self._grpc.start()
        for server in self._web:
            await server.start()

    async def stop(self) -> None:
        """Requests in flight get their grace, all at the same time."""
        stops = [server.stop() for server in self._web]
        await asyncio.gather(*stops, *([] if self._grpc is None else [self._grpc.stop(grace_seconds=GRACE_SECONDS)]))

    def __exit__(self, *_: object) -> None:
        for listener in self._sockets:
            listener.close()

    def _listen(self, name: str, host: str, port: int, *, anywhere: bool) -> Address:
        listener, address = bind(name, host, port, anywhere=anywhere)
        self._sockets.append(listener)
        return address

    def _serve(self, app: Any, *, grace_seconds: int) -> None:
        self._web.append(WebServer(app, self._sockets[-1], grace_seconds=grace_seconds))


def rest_app(system: System, ready: Readiness, metrics: Metrics) -> Any:
    """The public app with the routers of every module."""
    settings, i = system.settings, system.infrastructure
    told = RestSettings(
        allowed_hosts=frozenset(settings.allowed_hosts),
        cors_origins=frozenset(settings.cors_origins),
        trusted_proxies=tuple(ip_network(each) for each in settings.trusted_proxies),
        docs=settings.docs,
    )
    routers = [router for built in system.modules for router in built.routers(i)]
    return create_app(
        routers,
        tokens=i.tokens,
        limits=limits(system),
        cursor_key=i.cursor_key,
        new_id=i.new_id,
        ready=ready,
        metrics=metrics,
        settings=told,
    )


def admin_app(system: System, ready: Readiness, metrics: Metrics) -> Any:
    """Metrics and probes, for a port that the public never reaches."""

    async def gauges() -> Sequence[Reading]:
        try:
            return await backlog_gauges(system)
        except ConcordatError:
            # Without a database there is nothing to count, and the other metrics are wanted all the more.
            return ()

    async def own() -> Sequence[Reading]:
        lent = [reading for built in system.modules for reading in built.gauges(system.infrastructure)]
        disks = await disk_gauges(system.settings)
        return [*lent, *ledger_gauges(system.infrastructure.ledger), *disks]

    return create_admin_app(metrics, ready=ready, readings=(gauges, own))


async def backlog_gauges(system: System) -> Sequence[Reading]:
    """What consumers still have to do and could not do; those with nothing have a gauge of 0, not none."""
    i = system.infrastructure
    waiting, parked = await i.backlog.waiting(), await i.parking.counts()
    subscribed = {each.consumer for built in system.modules for each in built.subscriptions()}
    rows = {each: waiting[each].rows if each in waiting else 0 for each in {LOG, RELAY, ANCHORING, ROTATION, *waiting}}
    now = i.now()
    ages = {each: (now - waiting[each].since).total_seconds() if each in waiting else 0 for each in rows}
    kept = {each: parked.get(each, 0) for each in {*subscribed, *parked}}
    gauges: Sequence[tuple[str, str, Mapping[str, float]]] = (
        ("concordat_pending_events", "Events that a consumer has not handled yet", rows),
        ("concordat_pending_oldest_seconds", "How long the oldest of them has been pending", ages),
        ("concordat_parked_events", "Messages that a consumer could not handle, and that are kept", kept),
    )
    return [
        Reading(name=name, help=text, value=value, labels={"consumer": consumer})
        for name, text, values in gauges
        for consumer, value in sorted(values.items())
    ]


def grpc_server(system: System, ready: Readiness, metrics: GrpcMetrics) -> GrpcServer:
    """The gRPC services of every module, behind one chain."""
    settings, i = system.settings, system.infrastructure
    tls = read_tls(
        settings.grpc_tls_key,
        settings.grpc_tls_chain,
        settings.grpc_tls_client_roots,
        advice="Check CONCORDAT_GRPC_TLS_KEY, _CHAIN and _CLIENT_ROOTS.",
    )
    services: list[Service] = [service for built in system.modules for service in built.services(i)]
    return create_server(
        services,
        tokens=i.tokens,
        limits=limits(system),
        new_id=i.new_id,
        ready=ready,
        metrics=metrics,
        settings=GrpcSettings(reflection=settings.reflection, tls=tls),
    )


def limits(system: System) -> Limits:
    """What the settings allow; the REST and the gRPC edge of a process count together."""

    def policy(name: str, quota: int) -> Policy | None:
        return Policy(name=name, quota=quota, window_seconds=MINUTE) if quota else None

    settings = system.settings
    return Limits(
        rates=system.infrastructure.rates,
        requests=policy("requests", settings.requests_per_minute),
        refusals=policy("refusals", settings.refusals_per_minute),
        anonymous=policy("anonymous", settings.anonymous_per_minute),
    )
