"""Identifiers: UUIDv7 in canonical lower-case text. The source of new ones is injected: it is randomness and time."""

import re
from collections.abc import Callable
from uuid import UUID

from shared.errors import Invalid

NewId = Callable[[], UUID]

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class MalformedId(Invalid):
    """The text is not a canonical lower-case UUIDv7."""

    code = "request/malformed-id"
    title = "An id is a UUIDv7 in canonical lower-case text."


def parse_id(text: str) -> UUID:
    """The id that `text` writes canonically; raises MalformedId for every other spelling."""
    if _CANONICAL.fullmatch(text) is None:
        raise MalformedId
    return UUID(text)
