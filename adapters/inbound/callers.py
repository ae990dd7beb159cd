"""What every edge reads alike on the way to a Caller: bearer tokens, ids of the request, keys, expected versions.

Pure functions that say what is wrong as a value: each edge has refusals of its own.
"""

import re
import secrets
from dataclasses import dataclass, replace

from ports.caller import Caller
from ports.tokens import Claims
from shared.ids import NewId

LONGEST_KEY = 255
NO_VERSION = 0
"""A version that no aggregate has: a well-formed tag that was never ours is stale, once the key was looked up."""

# The scheme is compared exactly: one spelling of a credential is enough.
_BEARER = re.compile(r"Bearer ([A-Za-z0-9._~+/-]+=*)")
# Nothing that a person might be named by: the id stands in records, and those are for ever.
_REQUEST_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-Fa-f]{32}")
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_VERSION_TAG = re.compile(r'"([1-9][0-9]{0,15})"')
_ANY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_PRINTABLE = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """The ids that connect a request's log lines, with each other and with the client's."""

    request_id: str
    trace_id: str
    traceparent: str


def ids_of(request_id: str, traceparent: str, new_id: NewId) -> Ids:
    """What the client sent where it is well-formed (a UUID in lower case or 32 hex digits; a trace), else new ones."""
    trace = _TRACEPARENT.fullmatch(traceparent)
    trace_id = secrets.token_hex(16) if trace is None else trace[1]
    return Ids(
        request_id=request_id if _REQUEST_ID.fullmatch(request_id) else str(new_id()),
        trace_id=trace_id,
        traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-00" if trace is None else traceparent,
    )


def bearer_token(authorization: str) -> str | None:
    """The token in an Authorization value; None for any other scheme or spelling."""
    match = _BEARER.fullmatch(authorization)
    return None if match is None else match[1]


def caller_of(claims: Claims, request_id: str) -> Caller:
    """The caller that a checked token speaks for: the club is the token's and nobody else's."""
    return Caller(principal=claims.principal, club=claims.club, roles=claims.roles, request_id=request_id)


def key_fault(key: str) -> str | None:
    """Why this is no idempotency key, as the end of a sentence; None if it is one."""
    if len(key) > LONGEST_KEY:
        return f"is longer than {LONGEST_KEY}"
    return None if _PRINTABLE.fullmatch(key) else "is not 1 to 255 printable ASCII characters"


def is_entity_tag(text: str) -> bool:
    """Whether If-Match may say this: one entity tag, ours or not, or `*`."""
    return text == "*" or _ANY_TAG.fullmatch(text) is not None


def version_in(tag: str) -> int | None:
    """The version that an entity tag names: NO_VERSION for one that was never ours, None for `*`."""
    if tag == "*":
        return None
    match = _VERSION_TAG.fullmatch(tag)
    return NO_VERSION if match is None else int(match[1])


def under(
    caller: Caller, *, operation: str, key: str | None, version: int | None, inputs: tuple[object, ...]
) -> Caller:
    """The caller under the conditions of this request; `inputs` (ids, then the command) are what a key means."""
    if version is not None:
        caller = replace(caller, expected_version=version)
    return caller if key is None else caller.under(operation, key, *inputs)
