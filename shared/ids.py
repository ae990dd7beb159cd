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


def id_from(digest: bytes) -> UUID:
    """An id in the form of a UUIDv7 that is a function of `digest` (16 bytes or more): the same for the same inputs."""
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62)
    return UUID(int=number)
