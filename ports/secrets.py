"""Secrets that never enter the business database: signing keys of logs, tokens and cursors."""

from typing import Protocol


class Secrets(Protocol):
    """A small store of named byte strings.

    Names are slash-separated words of [A-Za-z0-9._-]. MUST keep a secret readable by the service's own user alone, and
    MUST NOT show a value in any error, log or repr.
    """

    async def get(self, name: str) -> bytes | None:
        """The secret, or None."""

    async def create(self, name: str, value: bytes) -> bytes:
        """Store `value` durably unless the name exists; returns what is stored, so that two creators agree."""

    async def check(self) -> None:
        """Raises Unavailable when the store does not answer or takes none: it MUST try to write, and leave nothing."""
