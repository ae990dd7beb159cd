"""The protobuf wire format, strictly, for messages declared as frozen dataclasses: `name: Annotated[str, 3] = ""`.

A field's type says how it is written: int (varint, signed 64 bits), bool, str, bytes, another message or None, a tuple
of these (repeated), or a Mapping of str to bytes. `T | None` tells an absent value from an empty one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, cached_property
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from shared.errors import Invalid

DEEPEST = 64
LARGEST_FIELD = (1 << 29) - 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SKIPPED = {_FIXED64: 8, _FIXED32: 4}
_LOW, _MORE = 0x7F, 0x80
"""The seven bits of a varint's byte that count, and the one that says that another byte follows."""

M = TypeVar("M")


class NotProtobuf(Invalid):
    """Bytes that are no encoding of the message they are read as. Parameter: reason."""

    code = "protobuf/malformed"
    title = "This is not a well-formed protobuf message."

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)
        self.reason = reason


def encode(message: object) -> bytes:
    """The message's bytes: fields in the order of their numbers, proto3 defaults left out, maps sorted by key."""
    out, form = bytearray(), cast(Any, type(message))
    for field in _plan(form):
        field.write(out, field.tag, getattr(message, field.name))
    return bytes(out)


def decode(form: type[M], data: bytes, depth: int = DEEPEST) -> M:
    """The message that `data` encodes; raises NotProtobuf, also for a field that is given twice and is not repeated.

    Fields that `form` does not declare are skipped: whoever must know all of them compares `encode(decode(...))`.
    """
    if depth < 0:
        raise NotProtobuf(f"deeper than {DEEPEST}")
    known = _by_number(cast(Any, form))
    values: dict[str, Any] = {}
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if not 0 < number <= LARGEST_FIELD:
            raise NotProtobuf("a field number out of range")
        field = known.get(number)
        if field is None:
            at = _skip(data, at, wire)
            continue
        if wire != field.wire:
            raise NotProtobuf(f"field {number} is of another wire type")
        raw: Any
        raw, at = _varint(data, at) if wire == _VARINT else _chunk(data, at)
        value = field.read(raw, depth)
        if field.gather is not None:
            values.setdefault(field.name, []).append(value)
        elif field.name in values:
            raise NotProtobuf(f"field {number} is given twice")
        else:
            values[field.name] = value
    for field in known.values():
        if field.gather is not None and field.name in values:
            values[field.name] = field.gather(values[field.name])
    return form(**values)


Write = Callable[[bytearray, bytes, Any], None]


@dataclass(frozen=True)
class _Field:
    """How one field is written and read; `gather` makes one value of many, None where there can be only one."""

    name: str
    number: int
    wire: int
    write: Write
    read: Callable[[Any, int], Any]
    gather: Callable[[list[Any]], Any] | None

    @cached_property
    def tag(self) -> bytes:
        return _encoded(self.number << 3 | self.wire)


@cache
def _plan(form: Any) -> tuple[_Field, ...]:
    hints = get_type_hints(form, include_extras=True)
    found = [_field(each.name, hints[each.name]) for each in fields(form)]
    return tuple(sorted(found, key=lambda field: field.number))


@cache
def _by_number(form: Any) -> dict[int, _Field]:
    return {field.number: field for field in _plan(form)}


def _field(name: str, hint: Any) -> _Field:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"{name} has no field number")
    kind, number = get_args(hint)[:2]
    if get_origin(kind) is tuple:
        wire, write, read = _scalar(name, get_args(kind)[0])
        return _Field(name, number, wire, _each(write), read, tuple)
    if get_origin(kind) in (dict, Mapping):
        return _Field(name, number, _BYTES, _write_map, _read_entry, _mapping)
    optional = get_origin(kind) in (Union, UnionType)
    if optional:
        kind = next(each for each in get_args(kind) if each is not type(None))
    wire, write, read = _scalar(name, kind)
    return _Field(name, number, wire, _unless_none(write) if optional else _unless_default(write), read, None)


def _scalar(name: str, kind: Any) -> tuple[int, Write, Callable[[Any, int], Any]]:
    if kind in _SCALARS:
        return _SCALARS[kind]
    if is_dataclass(kind) and isinstance(kind, type):
        form = kind
        return _BYTES, _write_message, lambda raw, depth: decode(form, raw, depth - 1)
    raise TypeError(f"{name}: no wire form for {kind}")


def _each(write: Write) -> Write:
    def all_of(out: bytearray, tag: bytes, values: Any) -> None:
        for value in values:
            write(out, tag, value)

    return all_of


def _unless_none(write: Write) -> Write:
    def optional(out: bytearray, tag: bytes, value: Any) -> None:
        if value is not None:
            write(out, tag, value)

    return optional


def _unless_default(write: Write) -> Write:
    def plain(out: bytearray, tag: bytes, value: Any) -> None:
        if value:
            write(out, tag, value)

    return plain


def _write_int(out: bytearray, tag: bytes, value: int) -> None:
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError("an integer of more than 64 bits")
    out += tag + _encoded(value & (1 << 64) - 1)


def _write_bytes(out: bytearray, tag: bytes, value: bytes) -> None:
    out += tag + _encoded(len(value))
    out += value


def _write_text(out: bytearray, tag: bytes, value: str) -> None:
    _write_bytes(out, tag, value.encode())


def _write_message(out: bytearray, tag: bytes, value: object) -> None:
    _write_bytes(out, tag, encode(value))


def _write_map(out: bytearray, tag: bytes, value: Mapping[str, bytes]) -> None:
    for key in sorted(value):
        _write_message(out, tag, _Entry(key=key, value=value[key]))


def _read_int(raw: int, _depth: int) -> int:
    return raw - (1 << 64) if raw >> 63 else raw


def _read_bool(raw: int, _depth: int) -> bool:
    return raw != 0


def _read_bytes(raw: bytes, _depth: int) -> bytes:
    return raw


def _read_text(raw: bytes, _depth: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise NotProtobuf("text that is not UTF-8") from error


def _read_entry(raw: bytes, depth: int) -> "_Entry":
    return decode(_Entry, raw, depth - 1)


def _mapping(entries: "list[_Entry]") -> dict[str, bytes]:
    return {entry.key or "": entry.value or b"" for entry in entries}


_SCALARS: dict[Any, tuple[int, Write, Callable[[Any, int], Any]]] = {
    int: (_VARINT, _write_int, _read_int),
    bool: (_VARINT, _write_int, _read_bool),
    str: (_BYTES, _write_text, _read_text),
    bytes: (_BYTES, _write_bytes, _read_bytes),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """Both are always written, empty ones too, as protobuf's own runtimes do."""

    key: Annotated[str | None, 1] = None
    value: Annotated[bytes | None, 2] = None


_SMALL = tuple(bytes([value]) for value in range(_MORE))
"""Varints of one byte, which nearly all are."""


def _encoded(value: int) -> bytes:
    if value < _MORE:
        return _SMALL[value]
    out = bytearray()
    while value > _LOW:
        out.append(value & _LOW | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The integer at `at`, and what comes after it: at most ten bytes, at most 64 bits."""
    if at < len(data) and data[at] < _MORE:
        # Nearly all of them are as small as this.
        return data[at], at + 1
    value = shift = 0
    for place in range(at, min(at + 10, len(data))):
        byte = data[place]
        value |= (byte & _LOW) << shift
        if byte < _MORE:
            if value >> 64:
                raise NotProtobuf("an integer of more than 64 bits")
            return value, place + 1
        shift += 7
    raise NotProtobuf("cut short, or an integer of more than ten bytes")


def _chunk(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = _varint(data, at)
    if length > len(data) - at:
        raise NotProtobuf("cut short")
    return data[at : at + length], at + length


def _skip(data: bytes, at: int, wire: int) -> int:
    if wire == _VARINT:
        return _varint(data, at)[1]
    if wire == _BYTES:
        return _chunk(data, at)[1]
    size = _SKIPPED.get(wire)
    if size is None:
        raise NotProtobuf("a group, or a wire type that does not exist")
    if size > len(data) - at:
        raise NotProtobuf("cut short")
    return at + size
