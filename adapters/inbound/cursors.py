"""List cursors of every edge: opaque and signed.

A cursor is direction, key and MAC; the MAC binds it to the operation, the caller's club and the filters, so that one of
another list, another club or other filters is refused like a forged one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from uuid import UUID

from shared.canonical import NotCanonical, b64url, dumps, unb64url
from shared.paging import PageRequest

LONGEST_CURSOR = 64

_TAG = b"concordat/cursor/v1\0"
_AFTER, _BEFORE = b"\x01", b"\x02"
_KEY_SIZE, _MAC_SIZE = 16, 16


class ForeignCursor(ValueError):
    """The cursor was made for another list, another club or other filters, or was not made here at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """What a list is: cursors are good for exactly one. `filters` are names with the text that the client sent."""

    operation: str
    club: UUID | None
    filters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cursors:
    """`secret` (32 bytes) has to be the same in every process."""

    secret: bytes

    def next(self, which: ListOf, key: UUID | None) -> str | None:
        """The cursor of the page after the row with this key."""
        return None if key is None else self._sealed(which, _AFTER, key)

    def prev(self, which: ListOf, key: UUID | None) -> str | None:
        """The cursor of the page before the row with this key."""
        return None if key is None else self._sealed(which, _BEFORE, key)

    def page(self, which: ListOf, cursor: str, limit: int) -> PageRequest:
        """The page that a cursor of this very list asks for; raises ForeignCursor."""
        try:
            sealed = unb64url(cursor) if len(cursor) <= LONGEST_CURSOR else b""
        except NotCanonical:
            raise ForeignCursor from None
        said, mac = sealed[: 1 + _KEY_SIZE], sealed[1 + _KEY_SIZE :]
        if not compare_digest(mac, self._mac(which, said)):
            raise ForeignCursor
        direction, key = said[:1], UUID(bytes=said[1:])
        return PageRequest(limit=limit, after=key) if direction == _AFTER else PageRequest(limit=limit, before=key)

    def _sealed(self, which: ListOf, direction: bytes, key: UUID) -> str:
        said = direction + key.bytes
        return b64url(said + self._mac(which, said))

    def _mac(self, which: ListOf, said: bytes) -> bytes:
        club = None if which.club is None else str(which.club)
        bound = dumps([which.operation, club, {**which.filters}])
        return blake2b(_TAG + said + bound, digest_size=_MAC_SIZE, key=self.secret).digest()
