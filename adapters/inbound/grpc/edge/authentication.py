"""Who calls: a bearer token in the `authorization` metadata and nowhere else. The tenant is the token's."""

from urllib.parse import unquote

from adapters.inbound.callers import bearer_token, caller_of
from adapters.inbound.grpc.edge.call import Call
from adapters.inbound.limits import Limits, check
from ports.caller import Caller
from ports.tokens import TokenRefused, Tokens
from shared.errors import Unauthenticated

NAME = "authorization"
_BINARY = f"{NAME}-bin"


async def admitted(call: Call, peer: str, tokens: Tokens, limits: Limits) -> Caller:
    """The caller, if their rate allows one more call; raises TooOften, also in the place of one refusal too many."""
    try:
        caller = call.caller = authenticated(call, tokens)
    except Unauthenticated:
        check(await limits.of_stranger(address_of(peer)))
        raise
    check(await limits.of_caller(caller))
    return caller


def authenticated(call: Call, tokens: Tokens) -> Caller:
    """The caller; raises Unauthenticated without a credential, TokenRefused for a bad one and for more than one."""
    values = call.metadata.get(NAME, ())
    if not values:
        raise Unauthenticated
    token = bearer_token(str(values[0]))
    if token is None or len(values) > 1 or _BINARY in call.metadata:
        raise TokenRefused
    return caller_of(tokens.check(token), call.ids.request_id)


def address_of(peer: str) -> str:
    """The address in gRPC's own spelling of a peer: `ipv4:192.0.2.1:4711`, `ipv6:%5B2001:db8::1%5D:4711`."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")
