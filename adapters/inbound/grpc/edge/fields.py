"""Reading fields into values of the app: every fault of a message is noted, then all are refused together."""

import re
from collections.abc import Callable
from datetime import date
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.message import Message

from adapters.inbound.grpc.edge.refusals import FieldsRefused, Violation
from shared.ids import MalformedId, parse_id

T = TypeVar("T")

NOT_AN_ID = "is not an id: a UUIDv7 in lower-case text"
NOT_A_DAY = "is not a day such as 2026-03-12"

_NO_ID, _NO_DAY = UUID(int=0), date.min
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Fields:
    """A block in which a message is read; its end raises FieldsRefused if anything was noted.

    Until then a field at fault reads as some value of its kind. `prefix` is the path to a nested message.
    """

    def __init__(self, message: Message, prefix: str = "") -> None:
        self._message: Any = message
        self._prefix = prefix
        self._violations: list[Violation] = []

    def __enter__(self) -> "Fields":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._violations:
            raise FieldsRefused(self._violations) from None

    def refuse(self, name: str, reason: str, *, code: str | None = None) -> None:
        """Note a fault."""
        self._violations.append(Violation(field=f"{self._prefix}{name}", reason=reason, code=code))

    def id(self, name: str) -> UUID:
        """A canonical id."""
        return self._read(name, parse_id, NOT_AN_ID, _NO_ID)

    def day(self, name: str) -> date:
        """A day in ISO 8601 text."""
        return self._read(name, _day, NOT_A_DAY, _NO_DAY)

    def text(self, name: str, *, longest: int) -> str:
        """Text of 1 to `longest` characters."""
        text: str = getattr(self._message, name)
        if not 1 <= len(text) <= longest:
            self.refuse(name, f"is longer than {longest}" if text else "is required")
        return text

    def number(self, name: str, *, least: int, most: int, usual: int) -> int:
        """A whole number in a range, `usual` if an optional one is absent."""
        if not self._message.HasField(name):
            return usual
        return self._within(name, least, most)

    def required_number(self, name: str, *, least: int, most: int) -> int:
        """The same for a field without presence, where absent means 0."""
        return self._within(name, least, most)

    def _within(self, name: str, least: int, most: int) -> int:
        number: int = getattr(self._message, name)
        if least <= number <= most:
            return number
        self.refuse(name, f"is not {least} to {most}")
        return least

    def _read(self, name: str, read: Callable[[str], T], reason: str, instead: T) -> T:
        text: str = getattr(self._message, name)
        try:
            return read(text)
        except (MalformedId, ValueError):
            self.refuse(name, reason if text else "is required")
            return instead


def _day(text: str) -> date:
    # Python takes 20260312 and 2026-W11-4 too.
    if _DAY.fullmatch(text) is None:
        raise ValueError(NOT_A_DAY)
    return date.fromisoformat(text)
