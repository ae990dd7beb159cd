"""Values of the core from their plain JSON: the inverse of `shared.canonical.plain`, driven by the fields' types alone.

A stored verdict must replay for ever, so a field that was added later with a default may be absent from the JSON.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from shared.canonical import Json, NotCanonical, plain, unb64url
from shared.clock import parse_utc
from shared.errors import Invalid

T = TypeVar("T")


class NotDecodable(Invalid):
    """JSON that does not say a value of this type. Parameter: reason."""

    code = "canonical/not-decodable"
    title = "This JSON does not say a value of the expected type."


def from_plain(kind: type[T], value: Json) -> T:
    """The value of type `kind` whose plain JSON is `value`; raises NotDecodable, or what the type itself refuses."""
    return cast(T, _decode(kind, value))


def _decode(kind: Any, value: Json) -> Any:
    if get_origin(kind) in (Union, UnionType):
        return _decode_optional(get_args(kind), value)
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        return tuple(_decode(item, part) for part in _of(list, value))
    if get_origin(kind) is Mapping:
        item = get_args(kind)[1]
        return {name: _decode(item, part) for name, part in _of(dict, value).items()}
    if is_dataclass(kind):
        return _decode_dataclass(cast(type, kind), _of(dict, value))
    return _decode_scalar(kind, value)


def _decode_optional(kinds: tuple[Any, ...], value: Json) -> Any:
    if value is None and NoneType in kinds:
        return None
    others = [kind for kind in kinds if kind is not NoneType]
    # Of several types the JSON's own decides, so such a union may hold text and numbers and nothing finer.
    matching = others if len(others) == 1 else [kind for kind in others if type(value) is kind]
    if not matching:
        raise NotDecodable(reason="none of the allowed types")
    return _decode(matching[0], value)


def _decode_dataclass(kind: type, value: dict[str, Any]) -> Any:
    known = _fields(kind)
    if not value.keys() <= known.keys():
        raise NotDecodable(reason=f"{kind.__name__} has no such field")
    absent = {name for name in known.keys() - value.keys() if not _has_default(known[name][0])}
    if absent:
        raise NotDecodable(reason=f"{kind.__name__} lacks {', '.join(sorted(absent))}")
    return kind(**{name: _decode(known[name][1], part) for name, part in value.items()})


def _decode_scalar(kind: Any, value: Json) -> Any:
    if kind in (bool, int, str):
        return _of(kind, value)
    readers: dict[Any, Callable[[str], Any]] = {
        UUID: UUID,
        datetime: parse_utc,
        date: date.fromisoformat,
        bytes: unb64url,
    }
    read = readers.get(kind) or (kind if isinstance(kind, type) and issubclass(kind, Enum) else None)
    if read is None:
        raise NotDecodable(reason=f"no JSON form for {kind}")
    text = _of(str, value)
    try:
        decoded = read(text)
    except (ValueError, NotCanonical) as error:
        raise NotDecodable(reason=f"not a {kind.__name__}") from error
    if plain(decoded) != text:
        raise NotDecodable(reason=f"another spelling of a {kind.__name__}")
    return decoded


def _of(kind: type[T], value: Json) -> T:
    # By exact type: a JSON true is not the number 1.
    if type(value) is not kind:
        raise NotDecodable(reason=f"not a JSON {kind.__name__}")
    return value


def _has_default(field: "Field[Any]") -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


@cache
def _fields(kind: type) -> dict[str, tuple["Field[Any]", Any]]:
    hints = get_type_hints(kind)
    return {field.name: (field, hints[field.name]) for field in fields(kind)}
