"""Who calls, on whose behalf, and under which conditions: the first parameter of every use case."""

from dataclasses import dataclass, fields, is_dataclass, replace
from uuid import UUID

from shared.canonical import Json, dumps, plain, tagged_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """An idempotency key: at most one effect per (club, principal, operation, key); `fingerprint` hashes the inputs."""

    operation: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """`principal` is an opaque reference, never a name. `club` is None only for an operator who acts for no club."""

    principal: str
    club: UUID | None
    roles: frozenset[str]
    request_id: str
    once: Once | None = None
    expected_version: int | None = None

    @property
    def of_club(self) -> UUID:
        """The club that the caller acts for; raises LookupError outside any club, where no permission lets one be."""
        if self.club is None:
            raise LookupError("this caller acts for no club")
        return self.club

    def acting_for(self, club: UUID) -> "Caller":
        """The same caller inside another club: for founding a club, and for workers that serve each club in turn."""
        return replace(self, club=club)

    def under(self, operation: str, key: str, *inputs: object) -> "Caller":
        """The same caller with an idempotency key for `operation` on `inputs` (ids, commands), hashed canonically."""
        fingerprint = tagged_hash("concordat/once/v1", operation.encode(), b"\0", dumps(_meant(inputs)))
        return replace(self, once=Once(operation=operation, key=key, fingerprint=fingerprint))


def _meant(value: object) -> Json:
    """Plain JSON without what is as it is by default, so that a retry means the same when a command has new fields."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = ((field, getattr(value, field.name)) for field in fields(value))
        return {field.name: _meant(part) for field, part in parts if part != field.default}
    return [_meant(item) for item in value] if isinstance(value, tuple) else plain(value)
