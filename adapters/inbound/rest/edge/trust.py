"""What a request says of itself and may not be believed: host, scheme, client, and the sizes of headers and body."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from adapters.inbound.rest.edge.exchange import Exchange
from adapters.inbound.rest.edge.refusals import BadHeader, HeadersTooLarge, UnknownHost, WrongMethod
from adapters.inbound.rest.settings import Settings

# Probes of an orchestrator name the address of the process, which nobody lists.
_FOR_PROBES = {"/healthz", "/readyz"}


def admit(scope: Mapping[str, Any], exchange: Exchange, settings: Settings) -> None:
    """Raises what keeps a request from being looked at any further."""
    sizes = [len(name) + len(value) for name, value in scope["headers"]]
    if max(sizes, default=0) > settings.largest_header_bytes or sum(sizes) > settings.largest_headers_bytes:
        raise HeadersTooLarge(limit_bytes=settings.largest_header_bytes)
    if settings.allowed_hosts and scope["path"] not in _FOR_PROBES and _host(exchange) not in settings.allowed_hosts:
        raise UnknownHost
    if scope["method"] == "TRACE":
        raise WrongMethod(allowed="")


def _host(exchange: Exchange) -> str:
    try:
        host = exchange.single("host") or ""
    except BadHeader:
        return ""
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() else host).lower()


def is_secure(scope: Mapping[str, Any], exchange: Exchange) -> bool:
    """Whether the client's own connection is encrypted; X-Forwarded-Proto counts only from a configured proxy."""
    if scope["scheme"] == "https":
        return True
    return exchange.headers.get(b"x-forwarded-proto") == b"https" and _is_proxy(exchange.peer, exchange)


def client_address(exchange: Exchange) -> str:
    """The address of whoever is connected, or, where that is a configured proxy, of whom it says it heard it from."""
    address = exchange.peer
    listed = exchange.headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")
    forwarded = [_without_port(each.strip()) for each in listed if each.strip()]
    # Every proxy adds whom it heard it from, so the list is believed from its end on, and as far as proxies go.
    while forwarded and _is_proxy(address, exchange):
        address = forwarded.pop()
    return address


def _without_port(address: str) -> str:
    """Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


def _is_proxy(address: str, exchange: Exchange) -> bool:
    networks = exchange.services.trusted_proxies
    if not networks:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def limited(scope: Mapping[str, Any], exchange: Exchange, receive: Receive, limit: int) -> Receive:
    """`receive`, which raises a 413 before more than `limit` bytes of the body are taken, declared or not.

    An HTTPException, since FastAPI's own routes turn every other exception while reading into a 400.
    """
    declared = exchange.headers.get(b"content-length", b"0")
    too_long = declared.isdigit() and (len(declared) > len(str(limit)) or int(declared) > limit)
    taken = 0

    async def receive_limited() -> Message:
        nonlocal taken
        if too_long:
            raise HTTPException(413, detail=str(limit))
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(413, detail=str(limit))
        return message

    return receive_limited if scope["method"] not in ("GET", "HEAD") else receive
