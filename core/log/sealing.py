"""How a value of the core becomes JSON of a record: personal values become digests, all others stand in clear.

Which values are personal, and whose, is read from the annotations of dataclasses alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Final, cast, get_args, get_type_hints

from core.log.disclosures import pointer_to
from core.log.errors import MalformedRecord
from shared.canonical import Json, dumps, plain
from shared.events import Aggregate, Event, Personal

SEALED: Final = "sd"
"""The one member of an object that stands for a sealed value; no other object may have a member of this name alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A personal value on its way into a record: whose it is, where it stands, and what it says."""

    subject: object
    pointer: str
    name: str
    value: Json


Digest = Callable[[Sealed], str]
"""Gives the digest that stands for a personal value, and keeps what it needs to open it."""


def seal(value: object, pointer: str, digest: Digest | None) -> Json:
    """`value` as JSON at `pointer` of a record; without `digest`, personal values inside stay in clear.

    A personal field that is None stays null: there is nothing to seal, and an erased subject has no key to do it.
    """
    kind: type = type(value)
    return _writer(kind)(value, pointer, digest)


def seal_event(event: Event, digest: Digest) -> tuple[Json, list[Json]]:
    """The `object` and the `after` of an event's records, the same for every party."""
    left = {field.name for field in fields(event) if isinstance(getattr(event, field.name), Aggregate)}
    fact = _members(event, "/object", digest, skip=(*left, "event_id"))
    return fact, [_state(place, aggregate, digest) for place, aggregate in enumerate(event.after)]


def subjects_of(event: Event) -> set[object]:
    """Whose personal values `seal_event` would seal: what is needed of them can be fetched before."""
    found: set[object] = set()
    for part in (event, *event.after):
        _collect_subjects(part, found)
    return found


def state_fields(aggregate: Aggregate, place: int, digest: Digest) -> Json:
    """The `fields` of an aggregate that stands at `place` of a record's `after`: all but its id and version."""
    return _members(aggregate, f"/after/{place}/fields", digest, skip=("id", "version"))


def personal_fields(kind: type) -> dict[str, str]:
    """The personal fields of a dataclass, each with the name of the field that holds its subject."""
    return {name: subject for name, subject in _plan(kind) if subject is not None}


def _state(place: int, aggregate: Aggregate, digest: Digest) -> Json:
    return {
        "kind": aggregate.kind,
        "id": str(aggregate.id),
        "version": aggregate.version,
        "fields": state_fields(aggregate, place, digest),
    }


def _collect_subjects(value: object, found: set[object]) -> None:
    kind: type = type(value)
    if is_dataclass(kind):
        for name, subject in _plan(kind):
            held = getattr(value, name)
            if held is not None and subject is not None:
                found.add(getattr(value, subject))
            elif _has_parts(cast(type, type(held))):
                _collect_subjects(held, found)
    elif (parts := _parts(kind)) is not None:
        for part in parts(value):
            _collect_subjects(part, found)


@cache
def _has_parts(kind: type) -> bool:
    return is_dataclass(kind) or _parts(kind) is not None


@cache
def _parts(kind: type) -> Callable[[Any], Iterable[object]] | None:
    """What gives the parts of values of a type, other than dataclasses; None for those that may hold no dataclass."""
    if issubclass(kind, Mapping):
        return lambda value: value.values()
    return iter if issubclass(kind, (list, tuple)) else None


_Write = Callable[[Any, str, Digest | None], Json]


@cache
def _writer(kind: type) -> _Write:
    """How values of a type are written: found out once, since every event has a hundred values of a dozen types."""
    if kind in (str, int, bool, type(None)):
        return lambda value, _pointer, _digest: value
    if is_dataclass(kind):
        return _members
    if issubclass(kind, Mapping):
        return _mapping
    if issubclass(kind, (list, tuple)):
        return _items
    if issubclass(kind, (set, frozenset)):
        return lambda value, _pointer, _digest: sorted((_scalar(item) for item in value), key=dumps)
    return lambda value, _pointer, _digest: plain(value)


def _mapping(value: Mapping[object, object], pointer: str, digest: Digest | None) -> Json:
    members = {_key(name): item for name, item in value.items()}
    return _object({name: seal(item, pointer_to(pointer, name), digest) for name, item in members.items()})


def _items(value: Sequence[object], pointer: str, digest: Digest | None) -> Json:
    return [seal(item, f"{pointer}/{place}", digest) for place, item in enumerate(value)]


def _members(value: object, pointer: str, digest: Digest | None, skip: Iterable[str] = ()) -> Json:
    members: dict[str, Json] = {}
    kind: type = type(value)
    for name, subject in _plan(kind):
        if name in skip:
            continue
        held = getattr(value, name)
        # The name of a field has nothing that a JSON pointer would have to escape.
        place = f"{pointer}/{name}"
        if subject is None or digest is None or held is None:
            held_as: type = type(held)
            members[name] = _writer(held_as)(held, place, digest)
        else:
            members[name] = _sealed(getattr(value, subject), place, name, held, digest)
    return _object(members)


def _sealed(subject: object, pointer: str, name: str, value: object, digest: Digest) -> Json:
    if subject is None:
        raise MalformedRecord(f"{pointer} is personal and names nobody")
    return {SEALED: digest(Sealed(subject=subject, pointer=pointer, name=name, value=seal(value, pointer, None)))}


def _scalar(value: object) -> Json:
    """A value without parts; in a set, whose members have no place to point to, there may be no others."""
    if isinstance(value, (Mapping, list, tuple, set, frozenset)) or is_dataclass(value):
        raise MalformedRecord("a set of anything but plain values")
    return plain(value)


def _key(name: object) -> str:
    text = plain(name)
    if not isinstance(text, str):
        raise MalformedRecord("the name of a member is not text")
    return text


def _object(members: dict[str, Json]) -> Json:
    if len(members) == 1 and SEALED in members:
        raise MalformedRecord("an object that looks like a sealed value")
    return members


@cache
def _plan(kind: type) -> tuple[tuple[str, str | None], ...]:
    """Each field of a dataclass with the field that names its subject, None if it is not personal."""
    hints = get_type_hints(kind, include_extras=True)
    names = {field.name for field in fields(kind)}
    plan = tuple((field.name, _subject(hints[field.name])) for field in fields(kind))
    for name, subject in plan:
        if subject is not None and (subject == name or subject not in names):
            raise MalformedRecord(f"{kind.__name__}.{name} is personal, but {subject} is no field beside it")
    return plan


def _subject(hint: object) -> str | None:
    """Whose the field is: the mark may stand anywhere in its type, since missing one would publish the value."""
    found = {item.subject for item in getattr(hint, "__metadata__", ()) if isinstance(item, Personal)}
    found |= {subject for part in get_args(hint) if (subject := _subject(part)) is not None}
    if len(found) > 1:
        raise MalformedRecord("a field belongs to one subject")
    return next(iter(found), None)
