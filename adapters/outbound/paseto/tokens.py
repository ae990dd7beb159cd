"""Access tokens as PASETO v4.public: the one place that issues and checks them.

pyseto itself demands no expiry, checks no audience, reads the wall clock and changes the dict that it encodes; here it
sees bytes only, and every claim is checked by hand.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from pyseto import Key, Paseto

from adapters.outbound.ed25519 import Signer
from ports.tokens import Claims, TokenRefused
from shared.canonical import Json, dumps, loads, unb64url
from shared.clock import Now, parse_utc, utc_text

LONGEST_TOKEN = 4096

_SHAPE = re.compile(r"v4\.public\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Who issues, for whom, in which network; how long a token may live, and how many checked ones are remembered."""

    issuer: str
    audience: str
    network: str
    longest_seconds: int = 15 * 60
    remembered: int = 10_000


class _Checked(NamedTuple):
    """What a good signature said; times are checked anew whenever it is used."""

    claims: Claims
    not_before: datetime | None


class PasetoTokens:
    """Implements ports.tokens.Tokens with the private key of a 32-byte seed.

    A token that passed is remembered by its SHA-256, so that the signature is checked once and the clock every time.
    """

    def __init__(self, seed: bytes, settings: Settings, now: Now) -> None:
        self._public = Key.from_asymmetric_key_params(4, x=Signer(seed).key)
        self._private = Key.from_asymmetric_key_params(4, d=seed)
        self._settings = settings
        self._now = now
        self._paseto = Paseto.new()
        self._footer = dumps({"kid": self._public.to_paserk_id()})
        bound = (b"concordat/token/v1", settings.audience.encode(), settings.network.encode())
        self._assertion = b"\0".join(bound)
        self._remembered: OrderedDict[bytes, _Checked] = OrderedDict()
        self._lock = Lock()

    def issue(self, claims: Claims) -> str:
        """Raises ValueError for what `check` would refuse, and for a lifetime beyond the settings."""
        now = self._now()
        if not claims.principal or "" in claims.roles:
            raise ValueError("a principal and a role have a name")
        if claims.expires_at - now > timedelta(seconds=self._settings.longest_seconds):
            raise ValueError(f"a token lives at most {self._settings.longest_seconds} seconds")
        said: dict[str, Json] = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": claims.principal,
            "club": None if claims.club is None else str(claims.club),
            "roles": [*sorted(claims.roles)],
            "iat": utc_text(now),
            "exp": utc_text(claims.expires_at),
        }
        token = self._paseto.encode(self._private, dumps(said), self._footer, self._assertion).decode()
        if len(token) > LONGEST_TOKEN:
            raise ValueError(f"a token is at most {LONGEST_TOKEN} characters long")
        return token

    def check(self, token: str) -> Claims:
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise TokenRefused
        fingerprint = sha256(token.encode()).digest()
        known = self._recall(fingerprint)
        checked = known or self._verified(token)
        now = self._now()
        if checked.claims.expires_at <= now:
            self._forget(fingerprint)
            raise TokenRefused
        if checked.not_before is not None and now < checked.not_before:
            raise TokenRefused
        if known is None:
            self._remember(fingerprint, checked)
        return checked.claims

    def _verified(self, token: str) -> _Checked:
        """Anything wrong is a refusal without a reason: a forger learns nothing."""
        match = _SHAPE.fullmatch(token)
        if match is None:
            raise TokenRefused
        try:
            # Base64 with stray bits would give one signed token several spellings, and pyseto decodes them all.
            unb64url(match[1])
            if unb64url(match[2]) != self._footer:
                raise TokenRefused
            return self._read(self._paseto.decode(self._public, token, self._assertion).payload)
        except TokenRefused:
            raise
        except Exception as error:
            raise TokenRefused from error

    def _read(self, payload: object) -> _Checked:
        """Raises whatever a missing or malformed claim makes it raise."""
        said = loads(payload) if isinstance(payload, bytes) else None
        if not isinstance(said, dict):
            raise TokenRefused
        if said["iss"] != self._settings.issuer or said["aud"] != self._settings.audience:
            raise TokenRefused
        roles = said["roles"]
        if not isinstance(roles, list):
            raise TokenRefused
        claims = Claims(
            principal=_text(said["sub"]),
            club=_club(said["club"]),
            roles=frozenset(_text(role) for role in roles),
            expires_at=parse_utc(_text(said["exp"])),
        )
        return _Checked(claims, parse_utc(_text(said["nbf"])) if "nbf" in said else None)

    def _recall(self, fingerprint: bytes) -> _Checked | None:
        with self._lock:
            known = self._remembered.get(fingerprint)
            if known is not None:
                self._remembered.move_to_end(fingerprint)
            return known

    def _remember(self, fingerprint: bytes, checked: _Checked) -> None:
        with self._lock:
            self._remembered[fingerprint] = checked
            while len(self._remembered) > self._settings.remembered:
                self._remembered.popitem(last=False)

    def _forget(self, fingerprint: bytes) -> None:
        with self._lock:
            self._remembered.pop(fingerprint, None)


def _text(value: Json) -> str:
    if not isinstance(value, str) or not value:
        raise TokenRefused
    return value


def _club(value: Json) -> UUID | None:
    if value is None:
        return None
    club = UUID(_text(value))
    if str(club) != value:
        raise TokenRefused
    return club
