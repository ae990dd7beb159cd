"""Column types: how values of the core stand in a database, the same on both engines."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, Text, TypeDecorator, Uuid

Id = Uuid
Bytes = LargeBinary

Sequence = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database counts up; SQLite counts only what it calls INTEGER."""


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant to the microsecond; SQLite, which knows no zones, keeps the UTC wall time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Plain(TypeDecorator[Any]):
    """A value object, or a tuple of them, as JSON text; `form` is the Python type to read it back as."""

    impl = Text
    cache_ok = True

    def __init__(self, form: Any) -> None:
        super().__init__()
        self.form = form
        self._decoder = msgspec.json.Decoder(form)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Any]:
        # In the place of process_result_value, which is called through two more functions: for each row of each read.
        decode = self._decoder.decode
        return lambda value: None if value is None else decode(value)


class Named(TypeDecorator[Any]):
    """An enum by its value."""

    impl = Text
    cache_ok = True

    def __init__(self, form: Any) -> None:
        super().__init__()
        self.form = form

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.form(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else self.form(value)
