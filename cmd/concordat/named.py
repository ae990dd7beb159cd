"""Clubs as people name them on the command line: by id or by slug."""

from typing import TYPE_CHECKING
from uuid import UUID

from concordat.failures import USAGE, Failure
from shared.ids import MalformedId, parse_id

if TYPE_CHECKING:
    from concordat.container import System


async def club_named(system: "System", text: str) -> UUID:
    """The club; raises Failure where there is none."""
    from concordat.development import club_of

    try:
        return parse_id(text)
    except MalformedId:
        found = await club_of(system, text)
    if found is None:
        raise Failure(f"There is no club {text}.", "GET /v1/directory lists them.", status=USAGE)
    return found
