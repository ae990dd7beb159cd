"""Events recalled from their records: all of them that is not personal, as much as their classes need to speak.

Nothing here knows any event: whose log it belongs to, what it is about and whose a personal value is, the class says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from core.log.errors import MalformedRecord
from core.log.records import AggregateState, Record
from core.log.sealing import personal_fields
from shared.canonical import Json
from shared.events import Aggregate, Event

T = TypeVar("T")


def recall(kind: type[Event], record: Record) -> Event:
    """The event of a record, good for `parties`, `about` and `after`: ids are ids, all other values plain JSON.

    Raises MalformedRecord for a record that no event of this class writes.
    """
    left = iter(record.after)
    values: dict[str, object] = {"event_id": None}
    try:
        for name, form, is_id in _plan(kind):
            if form is not None:
                values[name] = _state(form, next(left))
            else:
                values[name] = _value(record.object[name], is_id)
    except (LookupError, ValueError, TypeError, StopIteration) as error:
        raise MalformedRecord("not what this event writes") from error
    if next(left, None) is not None:
        raise MalformedRecord("more aggregates than this event has")
    return _made(kind, values)


def kinds_of(events: Sequence[type[Event]]) -> dict[str, type[Aggregate]]:
    """The aggregates that these events leave, by kind."""
    return {hint.kind: hint for event in events for hint in _aggregates(event)}


def owner_of(kind: type[Event], record: Record, pointer: str) -> str | None:
    """The subject of the personal value at a pointer of the record; None where the class has no personal value."""
    try:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        if parts[0] == "object":
            return _owner(kind, record.object, parts[1:])
        if parts[0] == "after" and parts[2] == "fields":
            state = record.after[int(parts[1])]
            form = _aggregates(kind)[int(parts[1])]
            return _owner(form, {**state.fields, "id": state.id, "version": state.version}, parts[3:])
    except (LookupError, ValueError, TypeError):
        return None
    return None


def _owner(hint: Any, value: Any, parts: Sequence[str]) -> str | None:
    """Goes down type and value together until a field is personal: what is sealed is sealed as a whole."""
    hint = _plain(hint)
    if isinstance(value, list):
        return _owner(get_args(hint)[0], value[int(parts[0])], parts[1:])
    if get_origin(hint) is not None:
        return _owner(get_args(hint)[1], value[parts[0]], parts[1:])
    subject = personal_fields(hint).get(parts[0])
    if subject is None:
        return _owner(_hints(hint)[parts[0]], value[parts[0]], parts[1:])
    owner = value[subject]
    return owner if isinstance(owner, str) else None


def _state(form: type[Aggregate], state: AggregateState) -> Aggregate:
    if form.kind != state.kind:
        raise MalformedRecord(f"{state.kind} where the event leaves {form.kind}")
    told: Mapping[str, Json] = {**state.fields, "id": state.id, "version": state.version}
    # A field that the class was given later is not in older records.
    return _made(form, {name: _value(told.get(name), is_id) for name, _form, is_id in _plan(form)})


def _value(value: Json, is_id: bool) -> object:
    return UUID(value) if is_id and isinstance(value, str) else value


def _made(kind: type[T], values: Mapping[str, object]) -> T:
    """An instance that no constructor saw: its rules are for whole values, and personal ones are missing here."""
    made = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def _plain(hint: Any) -> Any:
    """The hint without its None."""
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not type(None)]
        return kinds[0] if len(kinds) == 1 else hint
    return hint


def _aggregates(event: type[Event]) -> tuple[type[Aggregate], ...]:
    return tuple(form for _name, form, _is_id in _plan(event) if form is not None)


def _plan(kind: Any) -> tuple[tuple[str, type[Aggregate] | None, bool], ...]:
    return _planned(kind)


def _hints(kind: Any) -> Mapping[str, Any]:
    return _resolved(kind)


@cache
def _planned(kind: Any) -> tuple[tuple[str, type[Aggregate] | None, bool], ...]:
    """Of each field: its name, the aggregate that it holds, if it holds one, and whether it is an id."""
    hints = {name: hint for name, hint in _hints(kind).items() if name != "event_id"}
    return tuple((name, _aggregate(hint), _plain(hint) is UUID) for name, hint in hints.items())


def _aggregate(hint: Any) -> type[Aggregate] | None:
    return hint if isinstance(hint, type) and issubclass(hint, Aggregate) else None


@cache
def _resolved(kind: Any) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
