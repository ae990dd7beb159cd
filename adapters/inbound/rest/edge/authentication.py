"""Who calls: a bearer token in the Authorization header and nowhere else. The tenant is the token's."""

from enum import Enum
from typing import Annotated

import structlog
from fastapi import Depends
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from adapters.inbound.callers import bearer_token, caller_of
from adapters.inbound.limits import check
from adapters.inbound.rest.edge.exchange import Exchange, exchange_of
from adapters.inbound.rest.edge.trust import client_address
from ports.caller import Caller
from ports.tokens import TokenRefused
from shared.errors import Unauthenticated


def authenticated(exchange: Exchange) -> Caller:
    """The caller, checked once per request; raises Unauthenticated or TokenRefused."""
    if exchange.caller is None:
        claims = exchange.services.tokens.check(_token(exchange))
        exchange.caller = caller_of(claims, exchange.ids.request_id)
        structlog.contextvars.bind_contextvars(
            principal=claims.principal, club=None if claims.club is None else str(claims.club)
        )
    return exchange.caller


async def admitted(exchange: Exchange) -> Caller:
    """The caller, if their rate allows one more request; raises TooOften, also in the place of one refusal too many."""
    limits = exchange.services.limits
    try:
        caller = authenticated(exchange)
    except Unauthenticated:
        exchange.taken = await limits.of_stranger(client_address(exchange))
        check(exchange.taken)
        raise
    exchange.taken = await limits.of_caller(caller)
    check(exchange.taken)
    return caller


async def admit_anybody(exchange: Exchange) -> None:
    """For routes that no token is asked for at; raises TooOften."""
    exchange.taken = await exchange.services.limits.of_anybody(client_address(exchange))
    check(exchange.taken)


def _token(exchange: Exchange) -> str:
    header = exchange.headers.get(b"authorization")
    if header is None:
        raise Unauthenticated
    # Two headers stand here joined by a comma, which no token has in it.
    token = bearer_token(header.decode("latin-1"))
    if token is None:
        raise TokenRefused
    return token


class BearerToken(SecurityBase):
    """FastAPI's view of it: a dependency that gives the Caller, and the security scheme of the OpenAPI."""

    def __init__(self) -> None:
        self.scheme_name = "access token"
        self.model = HTTPBearer(
            bearerFormat="PASETO v4.public", description="An access token alone, without the word before it."
        )

    async def __call__(self, request: Request) -> Caller:
        return await admitted(exchange_of(request.scope))


class KeyRule(Enum):
    """Whether an operation with an effect takes an Idempotency-Key: ALLOWED if nothing else is said."""

    ALLOWED = "allowed"
    REQUIRED = "required"
    IGNORED = "ignored"


BEARER = BearerToken()

Calling = Annotated[Caller, Depends(BEARER)]
"""The annotation of an endpoint's caller."""

CallingOnce = Annotated[Caller, Depends(BEARER), KeyRule.REQUIRED]
"""The same where an Idempotency-Key is required."""

CallingRepeatably = Annotated[Caller, Depends(BEARER), KeyRule.IGNORED]
"""The same where doing it twice is the same as doing it once, so that a key has nothing to add."""
