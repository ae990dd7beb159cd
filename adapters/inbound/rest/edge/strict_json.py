"""The strict JSON reader: refuses what two parsers could read differently, and what no command can hold.

Malformed text is MalformedJson; well-formed text with a value that is refused is NotAsDescribed, with a pointer to it.
"""

import json
import re
from collections.abc import Iterator
from math import isinf
from typing import Any, NoReturn

from adapters.inbound.rest.edge.refusals import MalformedJson, NotAsDescribed
from shared.canonical import LARGEST_INTEGER

DEEPEST = 32
MOST_KEYS = 1_000
MOST_ERRORS = 20

_LONGEST_SAFE_INTEGER = 15
_REFUSED_CHARACTERS = re.compile("[\x00\ud800-\udfff]")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def check(body: bytes) -> None:
    """Returns if `body` is one JSON object that may be decoded; raises MalformedJson or NotAsDescribed."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise MalformedJson(reason="not UTF-8") from None
    if not text.strip(" \t\r\n"):
        raise refused("", "a JSON object is required")
    if text[0] == "\ufeff":
        raise MalformedJson(reason="starts with a byte order mark")
    value, unusual = _decoded(text)
    if text.count("{") + text.count("[") > DEEPEST and _is_deeper(value):
        raise MalformedJson(reason="too deep", limit=DEEPEST)
    if text.count(":") > MOST_KEYS and _keys(value) > MOST_KEYS:
        raise MalformedJson(reason="too many keys", limit=MOST_KEYS)
    if not isinstance(value, dict):
        raise refused("", "is not an object")
    if unusual or "\\u" in text:
        errors = [error for _, error in zip(range(MOST_ERRORS), _refused_values(value), strict=False)]
        if errors:
            raise NotAsDescribed(errors=errors)


def refused(pointer: str, reason: str) -> NotAsDescribed:
    """The refusal of one part of the body; `pointer` is a JSON pointer (RFC 6901)."""
    return NotAsDescribed(errors=[{"in": "body", "pointer": pointer, "reason": reason}])


def pointer_to(*path: str | int) -> str:
    """A JSON pointer. It ends before a key that does not look like a field's name: such a key may be a value."""
    parts = []
    for part in path:
        if isinstance(part, str) and _PLAIN_KEY.fullmatch(part) is None:
            break
        parts.append(f"/{part}")
    return "".join(parts)


class _Unusual(Exception):
    """A number that is large for its kind: rare, so that only a text that has one is walked value by value."""


def _decoded(text: str) -> tuple[Any, bool]:
    """The value, and whether it has to be looked at more closely."""
    try:
        try:
            return _DECODER.decode(text), False
        except _Unusual:
            return _PATIENT_DECODER.decode(text), True
    except json.JSONDecodeError as error:
        raise MalformedJson(reason="not JSON", position=error.pos) from None
    except RecursionError:
        raise MalformedJson(reason="too deep", limit=DEEPEST) from None
    except ValueError:
        # Python converts no integer of more than 4,300 digits.
        raise refused("", "holds a number that is too large") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson(reason="a key twice in one object")
    return members


def _no_constant(_name: str) -> NoReturn:
    raise MalformedJson(reason="NaN and Infinity are not JSON")


def _usual_integer(digits: str) -> int:
    if len(digits) > _LONGEST_SAFE_INTEGER:
        raise _Unusual
    return int(digits)


def _usual_float(digits: str) -> float:
    value = float(digits)
    if isinf(value):
        raise _Unusual
    return value


_PATIENT_DECODER = json.JSONDecoder(object_pairs_hook=_once_each, parse_constant=_no_constant)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_once_each, parse_constant=_no_constant, parse_int=_usual_integer, parse_float=_usual_float
)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _is_deeper(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [child for parent in level for child in _children(parent)]
        level = [child for child in level if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _keys(value: Any) -> int:
    found, waiting = 0, [value]
    while waiting:
        value = waiting.pop()
        found += len(value) if isinstance(value, dict) else 0
        waiting += _children(value)
    return found


def _refused_values(value: Any) -> Iterator[dict[str, str]]:
    """What no command can hold, wherever it stands: lone surrogates, NUL, numbers beyond every sensible range."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        path, value = waiting.pop()
        reason = _why_refused(value)
        if reason is not None:
            yield {"in": "body", "pointer": pointer_to(*path), "reason": reason}
        if isinstance(value, dict):
            waiting += [((*path, key), child) for key, child in value.items()]
            if any(_REFUSED_CHARACTERS.search(key) for key in value):
                yield {"in": "body", "pointer": pointer_to(*path), "reason": "has a key with a refused character"}
        elif isinstance(value, list):
            waiting += [((*path, index), child) for index, child in enumerate(value)]


def _why_refused(value: Any) -> str | None:
    if isinstance(value, str) and _REFUSED_CHARACTERS.search(value):
        return "has a NUL or half of a surrogate pair"
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return "is an integer of 2^53 or more"
    if isinstance(value, float) and isinf(value):
        return "is a number that is too large"
    return None
