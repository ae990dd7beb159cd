"""Access tokens: a caller's proof, issued and checked in one place."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.errors import Unauthenticated


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Who the token speaks for. `expires_at` is at most 15 minutes after issue but in the development profile."""

    principal: str
    club: UUID | None
    roles: frozenset[str]
    expires_at: datetime


class TokenRefused(Unauthenticated):
    """The token is malformed, forged, expired, not yet valid, or meant for another issuer or audience."""

    code = "auth/token-refused"
    title = "The access token was not accepted."


class Tokens(Protocol):
    """MUST require issuer, audience and expiry on every check and MUST raise TokenRefused for anything else."""

    def issue(self, claims: Claims) -> str: ...

    def check(self, token: str) -> Claims: ...
