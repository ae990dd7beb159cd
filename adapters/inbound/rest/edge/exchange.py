"""One request as the edge sees it: headers read once, the ids it is logged under, and who turned out to call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Any, cast

from adapters.inbound.callers import Ids, ids_of
from adapters.inbound.cursors import Cursors
from adapters.inbound.limits import Limits
from adapters.inbound.rest.edge.refusals import BadHeader
from ports.caller import Caller
from ports.rates import Taken
from ports.tokens import Tokens
from shared.ids import NewId

KEY = "concordat.exchange"

Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the shared parts of the edge are given."""

    tokens: Tokens
    cursors: Cursors = field(repr=False)
    new_id: NewId
    limits: Limits
    trusted_proxies: Networks


@dataclass(slots=True, kw_only=True)
class Exchange:
    """`headers` is by lower-case name, what came several times joined by commas; `repeated` has the names of those.

    `peer` is the address of whoever is connected, `taken` what became of this request under the caller's rate.
    `operation` is the route's operation id, `parameters` the query, `media_type` the negotiated form of the answer.
    """

    services: Services
    headers: Mapping[bytes, bytes] = field(repr=False)
    repeated: frozenset[bytes]
    ids: Ids
    peer: str
    caller: Caller | None = None
    taken: Taken | None = None
    operation: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"

    def single(self, name: str) -> str | None:
        """A header that may come once, as text; raises BadHeader if it came twice or is not ASCII."""
        raw = self.headers.get(name.encode())
        if raw is None:
            return None
        if name.encode() in self.repeated:
            raise BadHeader(header=name, reason="came twice")
        if not raw.isascii():
            raise BadHeader(header=name, reason="is not ASCII")
        return raw.decode()


def exchange_of(scope: Mapping[str, Any]) -> Exchange:
    """The exchange that the edge opened for this request."""
    return cast(Exchange, scope[KEY])


def opened(scope: Mapping[str, Any], services: Services) -> Exchange:
    """A new exchange; well-formed ids of the client are taken over, since they connect its logs with ours."""
    headers: dict[bytes, bytes] = {}
    repeated: frozenset[bytes] = frozenset()
    for name, value in scope["headers"]:
        if name in headers:
            repeated |= {name}
            headers[name] += b", " + value
        else:
            headers[name] = value
    request_id = headers.get(b"x-request-id", b"").decode("latin-1")
    ids = ids_of(request_id, headers.get(b"traceparent", b"").decode("latin-1"), services.new_id)
    peer, _ = scope.get("client") or ("", 0)
    return Exchange(services=services, headers=headers, repeated=repeated, ids=ids, peer=peer)
