"""Clubs as people name them on the command line: by id or by slug."""

from typing import TYPE_CHECKING
from uuid import UUID

from concordat.failures import USAGE, Failure
from core.log.origins import parse_origin

if TYPE_CHECKING:
    from concordat.container import System

MOST_NAMED = 10


async def club_named(system: "System", text: str) -> UUID:
    """The club; raises Failure where there is none, an id that nobody has included."""
    directory = await system.infrastructure.backlog.directory()
    slugs = {parse_origin(entry.origin).club: entry.club for entry in directory}
    found = {**slugs, **{str(entry.club): entry.club for entry in directory}}.get(text)
    if found is None:
        known = f"The clubs are {', '.join(sorted(slugs)[:MOST_NAMED])}." if slugs else "No club was founded yet."
        raise Failure(f"There is no club {text}.", known, status=USAGE)
    return found
