"""Clubs and logs as people name them on the command line: a club by id or by slug, a log by its origin."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from concordat.failures import USAGE, Failure
from core.log.origins import parse_origin

if TYPE_CHECKING:
    from concordat.container import System

MOST_NAMED = 10
_EMPTY = "No club was founded yet."


async def club_named(system: "System", text: str) -> UUID:
    """The club; raises Failure where there is none, an id that nobody has included."""
    directory = await system.infrastructure.backlog.directory()
    slugs = {parse_origin(entry.origin).club: entry.club for entry in directory}
    found = {**slugs, **{str(entry.club): entry.club for entry in directory}}.get(text)
    if found is None:
        raise _nothing("club", text, slugs)
    return found


def no_log(text: str, origins: Iterable[str]) -> Failure:
    """What a command says of a log that is none of these."""
    return _nothing("log", text, origins)


def _nothing(what: str, text: str, known: Iterable[str]) -> Failure:
    some = ", ".join(sorted(known)[:MOST_NAMED])
    return Failure(f"There is no {what} {text}.", f"The {what}s are {some}." if some else _EMPTY, status=USAGE)
