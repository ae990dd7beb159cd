"""What a view says about its own answer: a refusal by verdict (rule vis0), the aggregate whose version it shows.

A view may also be its JSON, as it was kept under an idempotency key.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from http import HTTPStatus
from itertools import chain
from typing import Any, cast

from shared.canonical import Json, plain

REFUSED_TITLE = "The agreed rules refuse this."


def outcome_status(view: object, usual: int) -> int:
    """The status of an answer: `usual`, but 422 for a decision that refuses."""
    return usual if refusal(view) is None else int(HTTPStatus.UNPROCESSABLE_ENTITY)


def refusal(view: object) -> tuple[str, Mapping[str, Json]] | None:
    """Code of the first failed rule and members of the problem, None unless the view is a decision that refuses."""
    if _part(view, "eligible") is not False:
        return None
    members = cast("dict[str, Any]", plain(view))
    del members["eligible"]
    return members["failed"][0]["code"], members


def aggregate(view: object) -> tuple[object, int] | None:
    """Id and version of the view itself, or of the first part of it that has both; None without one."""
    for part in chain((view,), _parts(view)):
        key, version = _part(part, "id"), _part(part, "version")
        if key is not None and version is not None:
            return key, version
    return None


def _part(view: object, name: str) -> Any:
    return view.get(name) if isinstance(view, dict) else getattr(view, name, None)


def _parts(view: object) -> Iterator[object]:
    if isinstance(view, dict):
        yield from view.values()
    elif is_dataclass(view):
        yield from (getattr(view, field.name) for field in fields(view))
