"""What a view says about its own answer: a refusal by verdict (rule vis0), the aggregate whose version it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from http import HTTPStatus
from typing import Protocol, cast

from shared.canonical import Json, plain

REFUSED_TITLE = "The agreed rules refuse this."


class Failed(Protocol):
    """A rule that was not met."""

    @property
    def code(self) -> str: ...


class Outcome(Protocol):
    """A decision by rules: it was made and kept, whatever it says."""

    @property
    def eligible(self) -> bool: ...
    @property
    def failed(self) -> Sequence[Failed]: ...


def outcome_status(view: object, usual: int) -> int:
    """The status of an answer: `usual`, but 422 for a decision that refuses."""
    return usual if refusal(view) is None else int(HTTPStatus.UNPROCESSABLE_ENTITY)


def refusal(view: object) -> tuple[str, Mapping[str, Json]] | None:
    """Code of the first failed rule and members of the problem, None unless the view is a decision that refuses."""
    if getattr(view, "eligible", True):
        return None
    outcome = cast(Outcome, view)
    members = cast("dict[str, Json]", plain(outcome))
    del members["eligible"]
    return outcome.failed[0].code, members


def aggregate(view: object) -> object | None:
    """The view itself, or the part of it, that has an id and a version; None without one."""
    if _is_aggregate(view):
        return view
    if not is_dataclass(view):
        return None
    parts = (getattr(view, field.name) for field in fields(view))
    return next((part for part in parts if _is_aggregate(part)), None)


def _is_aggregate(part: object) -> bool:
    return hasattr(part, "version") and hasattr(part, "id")
