"""Canonical JSON in a strict profile of RFC 8785, and hashes over it: the bytes that every proof stands on.

The profile: ASCII keys, no floats, integers below 2^53 in size, no lone surrogates, no duplicate keys.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, NoReturn, cast
from uuid import UUID

from shared.clock import utc_text
from shared.errors import Invalid

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

LARGEST_INTEGER = 2**53 - 1
DEEPEST = 32


class NotCanonical(Invalid):
    """A value or a text that the profile refuses. Parameter: reason."""

    code = "canonical/refused"
    title = "This is not canonical JSON."


def dumps(value: Json) -> bytes:
    """The one canonical encoding of `value`; raises NotCanonical for what the profile refuses."""
    _check(value, DEEPEST)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def loads(data: bytes) -> Json:
    """The value that `data` encodes canonically; raises NotCanonical for any other bytes, second spellings included."""
    try:
        value = json.loads(data.decode(), parse_float=_no_float, parse_constant=_no_float)
        again = dumps(value)
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as error:
        raise NotCanonical(reason="not JSON") from error
    if again != data:
        raise NotCanonical(reason="another spelling of the same value")
    return cast(Json, value)


def plain(value: object) -> Json:
    """A value of the core as JSON: dataclasses by field, ids and times as text, bytes as base64url, enums by value."""
    kind: type = type(value)
    return _plainly(kind)(value)


def b64url(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    """What `b64url` encoded; raises NotCanonical for padding, other alphabets and stray bits."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise NotCanonical(reason="not base64url") from error
    if b64url(data) != text:
        raise NotCanonical(reason="not canonical base64url")
    return data


def tagged_hash(tag: str, *parts: bytes) -> bytes:
    """SHA-256(tag ‖ 0x00 ‖ parts): the tag names purpose and version, so that no hash serves for another purpose."""
    return hashlib.sha256(b"".join((tag.encode(), b"\0", *parts))).digest()


@cache
def _plainly(kind: type) -> Callable[[Any], Json]:
    """How values of a type become JSON: found out once, since there are a hundred values to a dozen types."""
    if issubclass(kind, Enum):
        return lambda value: plain(value.value)
    if kind is type(None) or issubclass(kind, (bool, int, str)):
        return lambda value: value
    if issubclass(kind, UUID):
        return str
    if issubclass(kind, datetime):
        return utc_text
    if issubclass(kind, date):
        return date.isoformat
    if issubclass(kind, bytes):
        return b64url
    if is_dataclass(kind):
        names = tuple(field.name for field in fields(kind))
        return lambda value: {name: plain(getattr(value, name)) for name in names}
    if issubclass(kind, Mapping):
        return lambda value: {str(plain(name)): plain(item) for name, item in value.items()}
    if issubclass(kind, (tuple, list)):
        return lambda value: [plain(item) for item in value]
    raise NotCanonical(reason=f"no canonical form for {kind.__name__}")


def _check(value: Any, depth: int) -> None:
    if depth < 0:
        raise NotCanonical(reason=f"deeper than {DEEPEST}")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str) or not name.isascii():
                raise NotCanonical(reason="a key is not ASCII text")
            # Most values are plain texts or nothing: looking at them here halves the time of every record.
            kind = type(item)
            if not (depth and ((kind is str and item.isascii()) or item is None or kind is bool)):
                _check(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth - 1)
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise NotCanonical(reason="an integer of 2^53 or more")
    elif value is not None:
        raise NotCanonical(reason=f"no JSON form for {type(value).__name__}")


def _check_text(text: str) -> None:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise NotCanonical(reason="a lone surrogate")


def _no_float(_text: str) -> NoReturn:
    raise NotCanonical(reason="a number that is not an integer")
