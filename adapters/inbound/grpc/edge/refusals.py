"""Refusals that only this edge knows, since they are about rpcs and not about commands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from shared.canonical import Json
from shared.errors import Invalid, Unavailable


class MalformedMessage(Invalid):
    """The bytes are no message of the rpc's kind: broken wire format, text that is not UTF-8, nested too deep."""

    code = "request/malformed-message"
    title = "The message cannot be read."


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What is wrong with a field (`inclusion.event_id`, `metadata.if-match`), as the end of a sentence.

    `code` is the stable code of a fault that has one of its own.
    """

    field: str
    reason: str
    code: str | None = None


class FieldsRefused(Invalid):
    """Fields or metadata are not as the protos describe them."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__()
        self.violations = tuple(violations)


class TooSlow(Unavailable):
    """The answer took longer than the deadline; its outcome is unknown, and the same idempotency key settles it."""

    code = "request/deadline-exceeded"
    title = "This took too long."


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFailure:
    """A rule that was not met: its id, its stable code, and why in a few words."""

    rule: str
    code: str
    description: str


class RefusedByRules(Exception):
    """A decision that refuses (rule vis0): it was made and kept, so this is no error but how its answer is told.

    `parameters` and `decision` tell the rest of it, the latter as far as there is room.
    """

    title = "The agreed rules refuse this."

    def __init__(self, failed: Sequence[RuleFailure], parameters: Mapping[str, Json], decision: Message) -> None:
        super().__init__(self.title)
        self.failed = tuple(failed)
        self.parameters = parameters
        self.decision = decision
