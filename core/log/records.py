"""Records: the canonical bytes that say what an event did, their salted commitment, and the leaf that holds it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.log.disclosures import pointer_to
from core.log.errors import LogInvalid, MalformedOrigin, MalformedRecord
from core.log.merkle import leaf_hash
from core.log.origins import Origin, parse_origin
from core.log.sealing import SEALED, Digest, Sealed, seal, seal_event
from shared.canonical import Json, NotCanonical, dumps, loads, tagged_hash
from shared.clock import parse_utc, utc_text
from shared.events import Event

__all__ = [
    "AggregateState",
    "Digest",
    "Origin",
    "Record",
    "Sealed",
    "build_record",
    "build_records",
    "commitment",
    "commitment_of_leaf",
    "leaf_data",
    "leaf_of",
    "parse_origin",
    "parse_record",
    "seal",
]

VERSION = 1
SALT_SIZE = 32
COMMITMENT_SIZE = 32
MAX_RECORD = 1 << 20
COMMITMENT_TAG = "concordat/record/v1"
LEAF_VERSION = b"\x01"

_MEMBERS = {"v", "log", "id", "type", "at", "actor", "object", "after", "req"}
_STATE_MEMBERS = {"kind", "id", "version", "fields"}
_TYPE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")
_KIND = re.compile(r"[a-z][a-z0-9_]*")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""Base64url of 32 bytes: the last letter stands for four bits and two that are zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateState:
    """An aggregate as an event left it, named as the core names it; personal fields are digests."""

    kind: str
    id: str
    version: int
    fields: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record that was read. `sealed` has the JSON pointer and the digest of every personal value."""

    log: str
    id: str
    type: str
    at: datetime
    actor: str
    object: Mapping[str, Json]
    after: tuple[AggregateState, ...]
    req: str | None
    sealed: Mapping[str, str]


def build_record(
    event: Event, *, log: str, event_id: UUID, at: datetime, actor: str, req: str | None, digest: Digest
) -> bytes:
    """The record of an event for the log `log`; raises MalformedRecord for values that no record can hold."""
    return build_records(event, logs=(log,), event_id=event_id, at=at, actor=actor, req=req, digest=digest)[0]


def build_records(
    event: Event, *, logs: Sequence[str], event_id: UUID, at: datetime, actor: str, req: str | None, digest: Digest
) -> tuple[bytes, ...]:
    """One record per party's log, in order; they differ in nothing but `log`, and every value is sealed once."""
    try:
        fact, after = seal_event(event, digest)
        body: dict[str, Json] = {
            "v": VERSION,
            "id": str(event_id),
            "type": event.type,
            "at": utc_text(at),
            "actor": actor,
            "object": fact,
            "after": list[Json](after),
            "req": req,
        }
        bodies = [{**body, "log": str(parse_origin(log))} for log in logs]
        records = tuple(dumps(body) for body in bodies)
        # What cannot be read back must never be committed to; the others differ in nothing but a log that was read.
        _record(bodies[0])
    except (NotCanonical, MalformedOrigin, ValueError) as error:
        raise MalformedRecord(f"a value has no place in a record: {error}") from error
    if max(map(len, records)) > MAX_RECORD:
        raise MalformedRecord("too long")
    return records


def commitment(salt: bytes, record: bytes) -> bytes:
    """What the log commits to: meaningless without the salt, 32 random bytes (rule aud5)."""
    if len(salt) != SALT_SIZE:
        raise MalformedRecord("a record's salt is 32 bytes long")
    return tagged_hash(COMMITMENT_TAG, salt, record)


def leaf_data(commitment: bytes) -> bytes:
    """The log entry of a commitment, as entry bundles hold it."""
    if len(commitment) != COMMITMENT_SIZE:
        raise MalformedRecord("a commitment is 32 bytes long")
    return LEAF_VERSION + commitment


def leaf_of(commitment: bytes) -> bytes:
    """The leaf hash of a commitment."""
    return leaf_hash(leaf_data(commitment))


def commitment_of_leaf(data: bytes) -> bytes:
    """The commitment that a log entry holds."""
    if len(data) != len(LEAF_VERSION) + COMMITMENT_SIZE or not data.startswith(LEAF_VERSION):
        raise MalformedRecord("not a log entry of version 1")
    return data[len(LEAF_VERSION) :]


def parse_record(data: bytes) -> Record:
    """Raises MalformedRecord for anything but the canonical bytes of a record of version 1."""
    if len(data) > MAX_RECORD:
        raise MalformedRecord("too long")
    try:
        return _record(loads(data))
    except MalformedRecord:
        raise
    except (NotCanonical, LogInvalid) as error:
        raise MalformedRecord(str(error.parameters["reason"])) from error
    except ValueError as error:
        raise MalformedRecord(str(error)) from error


def _record(value: Json) -> Record:
    if not isinstance(value, dict) or value.keys() != _MEMBERS:
        raise MalformedRecord("not the members of a record")
    if type(value["v"]) is not int or value["v"] != VERSION:
        raise MalformedRecord("another version")
    fact, after, req = value["object"], value["after"], value["req"]
    if not isinstance(fact, dict) or not isinstance(after, list):
        raise MalformedRecord("object or after is of another shape")
    return Record(
        log=str(parse_origin(_text(value, "log"))),
        id=_id(value),
        type=_matching(_TYPE, value, "type"),
        at=parse_utc(_text(value, "at")),
        actor=_text(value, "actor"),
        object=fact,
        after=tuple(_state(state) for state in after),
        req=None if req is None else _text(value, "req"),
        sealed=_sealed(value),
    )


def _state(value: Json) -> AggregateState:
    if not isinstance(value, dict) or value.keys() != _STATE_MEMBERS:
        raise MalformedRecord("not the members of an aggregate's state")
    version, members = value["version"], value["fields"]
    if type(version) is not int or version < 0 or not isinstance(members, dict):
        raise MalformedRecord("version or fields is of another shape")
    return AggregateState(kind=_matching(_KIND, value, "kind"), id=_id(value), version=version, fields=members)


def _sealed(record: dict[str, Json]) -> dict[str, str]:
    """Every sealed value by its pointer; a digest that stands twice would let one disclosure open two fields."""
    found: dict[str, str] = {}
    for part in ("object", "after"):
        _collect(record[part], f"/{part}", found)
    if len(set(found.values())) != len(found):
        raise MalformedRecord("the same digest twice")
    return found


def _collect(value: Json, pointer: str, found: dict[str, str]) -> None:
    if isinstance(value, dict):
        if value.keys() == {SEALED}:
            found[pointer] = _digest(value[SEALED])
            return
        for name, item in value.items():
            if isinstance(item, dict | list):
                _collect(item, pointer_to(pointer, name), found)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _collect(item, pointer_to(pointer, place), found)


def _digest(value: Json) -> str:
    if not isinstance(value, str) or _DIGEST.fullmatch(value) is None:
        raise MalformedRecord("a sealed value is no digest")
    return value


def _text(value: Mapping[str, Json], name: str) -> str:
    text = value[name]
    if not isinstance(text, str) or not text:
        raise MalformedRecord(f"{name} is not text")
    return text


def _id(value: Mapping[str, Json]) -> str:
    text = _text(value, "id")
    if str(UUID(text)) != text:
        raise MalformedRecord("an id in another spelling")
    return text


def _matching(pattern: re.Pattern[str], value: Mapping[str, Json], name: str) -> str:
    text = _text(value, name)
    if pattern.fullmatch(text) is None:
        raise MalformedRecord(f"{name} is not a name")
    return text
