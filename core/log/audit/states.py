"""A live row against the state in which a record says that the aggregate was left: which fields differ."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple

from core.log.audit.rows import LiveRow, Unreadable
from core.log.disclosures import disclose, pointer_to
from core.log.errors import LogInvalid
from core.log.records import AggregateState, Record
from core.log.sealing import SEALED, Sealed, personal_fields, seal
from shared.canonical import Json, NotCanonical
from shared.events import Aggregate

_LONGEST_SHOWN = 120

KeyOf = Callable[[str], bytes | None]
"""The key of a subject; None where it cannot be had, or cannot be trusted."""


class Differs(NamedTuple):
    """A field that is not as the record says; no detail shows a personal value."""

    field: str
    detail: str
    unreadable: bool = False


class _NoKey(Exception):
    """What is sealed under this key cannot be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWord:
    """The record that last spoke of an aggregate: its state there, at which place of `after`, salted under `origin`."""

    record: Record
    state: AggregateState
    place: int
    origin: str | None


def differing_fields(form: type[Aggregate], last: LastWord, row: LiveRow, key_of: KeyOf) -> Iterator[Differs]:
    """Field by field; one that the record does not know was added to the class after it was written."""
    if row.values.get("version") != last.state.version:
        yield Differs("version", _detail(False, last.state.version, row.values.get("version")))
    personal = personal_fields(form)
    for name in (field.name for field in fields(form) if field.name not in ("id", "version")):
        if name not in last.state.fields:
            continue
        value, told = row.values.get(name), last.state.fields[name]
        if isinstance(value, Unreadable):
            yield Differs(name, value.reason, unreadable=True)
            continue
        try:
            found = _as_recorded(form, last, row, name, key_of)
        except _NoKey:
            continue
        except (LogInvalid, NotCanonical, ValueError, TypeError):
            yield Differs(name, "not a value that this field can have", unreadable=True)
            continue
        if found != told or type(found) is not type(told):
            yield Differs(name, _detail(name in personal, told, found))


def _as_recorded(form: type[Aggregate], last: LastWord, row: LiveRow, name: str, key_of: KeyOf) -> Json:
    """The field's value as the record would have it: what is personal as a digest under the same salt."""
    pointer = pointer_to(f"/after/{last.place}/fields", name)

    def digest(sealed: Sealed) -> str:
        key = key_of(str(sealed.subject))
        if key is None or last.origin is None:
            raise _NoKey
        opened = disclose(
            key=key, origin=last.origin, event_id=last.record.id, pointer=sealed.pointer, value=sealed.value
        )
        return opened.digest

    value, subject = row.values[name], personal_fields(form).get(name)
    if subject is None or value is None or last.state.fields[name] is None:
        return seal(value, pointer, digest)
    owner = last.state.id if subject == "id" else row.values.get(subject)
    return {SEALED: digest(Sealed(subject=owner, pointer=pointer, name=name, value=seal(value, pointer, None)))}


def _detail(personal: bool, told: object, found: object) -> str:
    return (
        "not what the record committed to" if personal else f"the record says {_short(told)}, the row {_short(found)}"
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
