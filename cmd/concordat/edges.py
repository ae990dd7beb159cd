"""What a process shows of the system: the public REST app, the admin app, the gRPC server; the one list of them."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from adapters.inbound.grpc.edge.metrics import Metrics as GrpcMetrics
from adapters.inbound.grpc.server import GrpcServer, create_server
from adapters.inbound.grpc.settings import Settings as GrpcSettings
from adapters.inbound.grpc.settings import Tls
from adapters.inbound.rest.admin import create_admin_app
from adapters.inbound.rest.application import create_app
from adapters.inbound.rest.edge.metrics import Metrics, Reading
from adapters.inbound.rest.settings import Settings as RestSettings
from app.log.integrator import CONSUMER as LOG
from app.relay import CONSUMER as RELAY
from concordat.container import System
from concordat.failures import Failure
from concordat.module import Service
from concordat.readiness import Readiness
from concordat.settings import Settings
from shared.errors import ConcordatError


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
        cursor_key=i.cursor_key,
        new_id=i.new_id,
        ready=ready,
        metrics=metrics,
        settings=told,
    )


def admin_app(system: System, ready: Readiness, metrics: Metrics) -> Any:
    """Metrics and probes, for a port that the public never reaches."""

    async def backlog() -> Sequence[Reading]:
        try:
            counts = {consumer: await system.infrastructure.backlog.count(consumer) for consumer in (LOG, RELAY)}
        except ConcordatError:
            # Without a database there is no count, and the other metrics are wanted all the more.
            return ()
        name, text = "concordat_pending_events", "Events that a consumer has not handled yet"
        return [Reading(name=name, help=text, value=count, labels={"consumer": each}) for each, count in counts.items()]

    return create_admin_app(metrics, ready=ready, readings=(backlog,))


def grpc_server(system: System, ready: Readiness, metrics: GrpcMetrics) -> GrpcServer:
    """The gRPC services of every module, behind one chain."""
    settings, i = system.settings, system.infrastructure
    services: list[Service] = [service for built in system.modules for service in built.services(i)]
    return create_server(
        services,
        tokens=i.tokens,
        new_id=i.new_id,
        ready=ready,
        metrics=metrics,
        settings=GrpcSettings(reflection=settings.reflection, tls=_tls(settings)),
    )


def _tls(settings: Settings) -> Tls | None:
    key, chain, roots = settings.grpc_tls_key, settings.grpc_tls_chain, settings.grpc_tls_client_roots
    if key is None or chain is None or roots is None:
        return None
    try:
        return Tls(key=key.read_bytes(), chain=chain.read_bytes(), client_roots=roots.read_bytes())
    except OSError as error:
        sentence = f"The TLS file {error.filename} cannot be read: {error.strerror}."
        raise Failure(sentence, "Check CONCORDAT_GRPC_TLS_KEY, _CHAIN and _CLIENT_ROOTS.") from error
