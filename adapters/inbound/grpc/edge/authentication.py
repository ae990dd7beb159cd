"""Who calls: a bearer token in the `authorization` metadata and nowhere else. The tenant is the token's."""

from adapters.inbound.callers import bearer_token, caller_of
from adapters.inbound.grpc.edge.call import Call
from ports.caller import Caller
from ports.tokens import TokenRefused, Tokens
from shared.errors import Unauthenticated

NAME = "authorization"
_BINARY = f"{NAME}-bin"


def authenticated(call: Call, tokens: Tokens) -> Caller:
    """The caller; raises Unauthenticated without a credential, TokenRefused for a bad one and for more than one."""
    values = call.metadata.get(NAME, ())
    if not values:
        raise Unauthenticated
    token = bearer_token(str(values[0]))
    if token is None or len(values) > 1 or _BINARY in call.metadata:
        raise TokenRefused
    return caller_of(tokens.check(token), call.ids.request_id)
