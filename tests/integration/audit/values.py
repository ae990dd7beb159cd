"""Other values for a column: whatever stands there becomes something else that means something else."""

import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Column, Date, Integer, LargeBinary, Uuid

from adapters.outbound.sql.types import Instant, Named, Plain

_WALL = "%Y-%m-%d %H:%M:%S.%f"


def canonical(value: object) -> str:
    """An id as findings write it."""
    try:
        return str(UUID(str(value)))
    except ValueError:
        return str(value)


def fresh_id(row: dict[str, Any], rng: random.Random) -> Any:
    """A new id as the driver that read the row writes ids."""
    new = UUID(int=rng.getrandbits(128))
    return new if any(isinstance(value, UUID) for value in row.values()) else new.hex


def another(column: Column[Any], value: Any, rng: random.Random, *, strict: bool) -> Any:
    """A different value of the column's type; now and then, unless the engine is `strict`, one that is of no type."""
    kind = column.type
    if isinstance(kind, Uuid):
        new = UUID(int=rng.getrandbits(128))
        return new if strict else new.hex
    if value is None:
        return _first(column, rng, strict=strict)
    if isinstance(kind, LargeBinary):
        return _flipped(value, rng)
    if isinstance(kind, Boolean):
        return not value if strict else int(not value)
    if isinstance(kind, Integer):
        return rng.choice([value + 1, value + 1000] if strict else [value + 1, value + 1000, "many"])
    if isinstance(kind, Date):
        moved = (value if strict else date.fromisoformat(value)) + timedelta(days=rng.choice([-1, 1, 365]))
        return moved if strict else moved.isoformat()
    if isinstance(kind, Instant):
        moved = (value if strict else datetime.strptime(value, _WALL)) + timedelta(microseconds=rng.choice([-1, 10**9]))
        return moved if strict else moved.strftime(_WALL)
    if isinstance(kind, Plain):
        return rng.choice([_edited(json.loads(value), rng), "{", "[1]"])
    if isinstance(kind, Named):
        return rng.choice([*(each.value for each in kind.form if each.value != value), "no such state"])
    return _text(str(value), rng)


def _first(column: Column[Any], rng: random.Random, *, strict: bool) -> Any:
    """A value where there was none."""
    kind = column.type
    if isinstance(kind, LargeBinary):
        return rng.randbytes(32)
    if isinstance(kind, Boolean | Integer):
        return 1
    if isinstance(kind, Instant):
        instant = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
        return instant if strict else instant.strftime(_WALL)
    if isinstance(kind, Plain):
        return rng.choice(["[]", '{"latitude_microdegrees":1,"longitude_microdegrees":2}'])
    return "something"


def _flipped(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _text(text: str, rng: random.Random) -> str:
    if not text:
        return "x"
    at = rng.randrange(len(text))
    letter = "x" if text[at] != "x" else "y"
    return rng.choice([text[:at] + letter + text[at + 1 :], f"{text}x", f"{text} "])


def _edited(value: Any, rng: random.Random) -> str:
    """The same JSON with one number, text or entry of it changed."""
    if isinstance(value, list) and (not value or rng.random() < 0.2):
        changed = (
            value[:-1] if value else [{"kind": "term", "first": "2020-01-01", "recorded_at": "2020-01-01T00:00:00Z"}]
        )
        return json.dumps(changed)
    _change(value, rng)
    return json.dumps(value)


def _change(value: Any, rng: random.Random) -> None:
    """Changes one leaf of a structure in place; a text that is a date becomes another one."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    leaves = [key for key in keys if not isinstance(value[key], dict | list)]
    inner = [key for key in keys if isinstance(value[key], dict | list) and value[key]]
    if inner and (not leaves or rng.random() < 0.5):
        _change(value[rng.choice(inner)], rng)
        return
    key = rng.choice(leaves)
    held = value[key]
    value[key] = not held if isinstance(held, bool) else held + 1 if isinstance(held, int) else f"{held or ''}1"
