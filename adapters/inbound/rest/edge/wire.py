"""How the dataclasses of `app/` look on the wire: one schema reads them strictly, writes them and describes them.

Pydantic's own forms of ids, times and bytes are too lenient (`"1700000000"` is a date to it) or not ours (padding).
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, NoReturn, TypeVar, cast
from uuid import UUID

from fastapi import Body
from msgspec import to_builtins
from pydantic import GetCoreSchemaHandler, PlainSerializer, PlainValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError

from adapters.inbound.rest.edge.refusals import NotAsDescribed
from adapters.inbound.rest.edge.strict_json import MOST_ERRORS, check, pointer_to
from app.use_cases import ABSENT, Absent
from shared.canonical import NotCanonical, b64url, unb64url
from shared.clock import utc_text
from shared.ids import MalformedId, parse_id

T = TypeVar("T")

ID_PATTERN = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_BASE64URL_PATTERN = "^[A-Za-z0-9_-]*$"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(_DAY.pattern + r"T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")

_NOT_AN_ID = "is not an id: a UUIDv7 in lower-case text"
_NOT_AN_INSTANT = "is not an instant in UTC such as 2026-03-12T18:04:05Z"
_NOT_A_DAY = "is not a day such as 2026-03-12"
_NOT_BYTES = "is not base64url without padding"
_REASONS = {
    "missing": "is required",
    "unexpected_keyword_argument": "is not a field of this object",
    "dataclass_type": "is not an object",
    "mapping_type": "is not an object",
    "dict_type": "is not an object",
    "string_type": "is not a string",
    "int_type": "is not an integer",
    "int_from_float": "is not an integer",
    "bool_type": "is neither true nor false",
    "tuple_type": "is not an array",
    "list_type": "is not an array",
}
"""Pydantic's own sentences may hold what was sent; ours cannot."""


def _refuse(reason: str) -> NoReturn:
    raise PydanticCustomError("wire", cast("Any", reason))


def _id(value: object) -> UUID:
    try:
        return parse_id(value if isinstance(value, str) else "")
    except MalformedId:
        _refuse(_NOT_AN_ID)


def _instant(value: object) -> datetime:
    if not isinstance(value, str) or _INSTANT.fullmatch(value) is None:
        _refuse(_NOT_AN_INSTANT)
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        _refuse(_NOT_AN_INSTANT)


def _day(value: object) -> date:
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        _refuse(_NOT_A_DAY)
    try:
        return date.fromisoformat(value)
    except ValueError:
        _refuse(_NOT_A_DAY)


def _bytes(value: object) -> bytes:
    if not isinstance(value, str):
        _refuse(_NOT_BYTES)
    try:
        return unb64url(value)
    except NotCanonical:
        _refuse(_NOT_BYTES)


def _leaf(kind: Any, reads: Any, *more: Any, **described: str) -> CoreSchema:
    """The core schema that takes the place of pydantic's own for `kind`."""
    wire: Any = Annotated[(kind, PlainValidator(reads), *more, WithJsonSchema({"type": "string", **described}))]
    return TypeAdapter(wire).core_schema


def instant_text(instant: datetime) -> str:
    """What `utc_text` writes, in a sixth of the time but for whole seconds, which msgspec shortens."""
    fast = instant.microsecond and instant.tzinfo is UTC
    return cast(str, to_builtins(instant)) if fast else utc_text(instant)


_BYTES = _leaf(bytes, _bytes, PlainSerializer(b64url, return_type=str), pattern=_BASE64URL_PATTERN)
_INSTANTS = _leaf(datetime, _instant, PlainSerializer(instant_text, return_type=str), format="date-time")
_READ_LEAVES = {
    "uuid": _leaf(UUID, _id, format="uuid", pattern=ID_PATTERN),
    "datetime": _INSTANTS,
    "date": _leaf(date, _day, format="date"),
    "bytes": _BYTES,
}

_NO_SCHEMAS = {"default", "metadata", "cls", "members", "expected"}


def _absent() -> Absent:
    return ABSENT


def _is_absent(choice: Any) -> bool:
    """Whether this choice of a union stands for a field that is left out: nobody can send it."""
    return isinstance(choice, dict) and choice.get("cls") is Absent


class _Form:
    """Rewrites the schema that pydantic makes of a type: a documented hook, so the OpenAPI shows what is checked."""

    def __init__(self, leaves: dict[str, CoreSchema], *, closed: bool) -> None:
        self._leaves = leaves
        self._closed = closed

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return cast(CoreSchema, self._rewritten(handler(source), handler, set()))

    def _rewritten(self, node: Any, handler: GetCoreSchemaHandler, seen: set[int]) -> Any:
        if isinstance(node, list):
            return [self._rewritten(item, handler, seen) for item in node]
        if not isinstance(node, dict) or id(node) in seen:
            return node
        kind = node.get("type")
        if kind == "definition-ref":
            self._rewritten(handler.resolve_ref_schema(cast(CoreSchema, node)), handler, seen)
            return node
        if isinstance(kind, str) and kind in self._leaves:
            return self._leaves[kind]
        seen.add(id(node))
        if kind == "union":
            node["choices"] = [choice for choice in node["choices"] if not _is_absent(choice)]
            if len(node["choices"]) == 1:
                return self._rewritten(node["choices"][0], handler, seen)
        if node.get("default") is ABSENT:
            # What no JSON can say is not described as the default either.
            del node["default"]
            node["default_factory"] = _absent
        for name, part in node.items():
            node[name] = part if name in _NO_SCHEMAS else self._rewritten(part, handler, seen)
        if kind == "dataclass" and self._closed:
            node["config"] = {**node.get("config", {}), "extra_fields_behavior": "forbid"}
        return node


READ = _Form(_READ_LEAVES, closed=True)
"""Marks what comes in: canonical ids, UTC instants with Z, no field that is not described, at any depth."""

WRITE = _Form({"bytes": _BYTES, "datetime": _INSTANTS}, closed=False)
"""Marks what goes out: the bytes of ports.unit_of_work.kept, so that a replay is the same answer."""

Json = Annotated[T, Body(), READ]
"""The annotation of an endpoint's body: `command: Json[FoundClub]`."""


class Incoming(Generic[T]):
    """Reads bodies and query parameters of one type."""

    def __init__(self, kind: Any) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(Annotated[kind, READ])

    def body(self, body: bytes) -> T:
        """Raises MalformedJson, NotAsDescribed, and what the dataclass itself refuses."""
        check(body)
        try:
            return self._adapter.validate_json(body, strict=True)
        except ValidationError as error:
            raise NotAsDescribed(errors=[*_said(error, "body")]) from None

    def parameter(self, name: str, text: str) -> T:
        """A query parameter; raises NotAsDescribed."""
        try:
            return self._adapter.validate_json(json.dumps(text), strict=True)
        except ValidationError as error:
            reasons = [said["reason"] for said in _said(error, "query")]
            raise NotAsDescribed(errors=[{"in": "query", "pointer": f"/{name}", "reason": reasons[0]}]) from None


class Outgoing(Generic[T]):
    """Writes views of one type."""

    def __init__(self, kind: Any) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(Annotated[kind, WRITE])

    def written(self, view: T) -> bytes:
        return self._adapter.dump_json(view)


def _said(error: ValidationError, where: str) -> Iterator[dict[str, str]]:
    """At most a screenful, and nothing of what was sent."""
    for found in error.errors(include_url=False, include_input=False)[:MOST_ERRORS]:
        kind = found["type"]
        if kind == "wire":
            reason = found["msg"]
        elif kind in ("enum", "literal_error"):
            reason = f"is none of {found['ctx']['expected']}"
        else:
            reason = _REASONS.get(kind, "is not valid")
        yield {"in": where, "pointer": pointer_to(*found["loc"]), "reason": reason}
