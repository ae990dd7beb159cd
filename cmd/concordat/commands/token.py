"""`concordat token`: issues an access token."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from concordat.failures import USAGE, Failure
from concordat.interrupts import run
from concordat.options import DataFolder, Profile
from concordat.settings import Settings, load

if TYPE_CHECKING:
    from concordat.container import System

_REFERENCE = re.compile(r"[A-Za-z0-9._:-]{1,100}")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("token")(token)


def token(
    *,
    club: Annotated[
        str | None,
        typer.Option(help="The club to act for: its id, or its slug. None: for no club.", show_default=False),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="operator, secretary, concierge, auditor; may be given several times.", show_default=False),
    ] = None,
    principal: Annotated[str, typer.Option(help="Who acts: an opaque reference, never a name.")] = "operator",
    minutes: Annotated[
        int | None,
        typer.Option(min=1, help="How long it is good for; as long as the settings allow.", show_default=False),
    ] = None,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """Print an access token, signed with this deployment's own key; the server need not run.

    For example: curl -H "Authorization: Bearer $(concordat token --club development --role secretary)" ...
    """
    settings = load(profile=profile, data_folder=data_folder)
    if not _REFERENCE.fullmatch(principal):
        # It becomes the actor of records, which nobody can erase.
        sentence = "A principal is a reference: 1 to 100 letters, digits, dots, colons, hyphens and underscores."
        raise Failure(sentence, "It stands in records for ever: take no name of a person.", status=USAGE)
    lasts = minutes or settings.token_minutes
    if lasts > settings.token_minutes:
        sentence = f"A token of the {settings.profile} profile lives {settings.token_minutes} minutes at most."
        raise Failure(sentence, "Ask for fewer minutes.", status=USAGE)
    typer.echo(run(_issue(settings, club, frozenset(role or ()), principal, lasts)))


async def _issue(settings: Settings, club: str | None, roles: frozenset[str], principal: str, minutes: int) -> str:
    from concordat.container import migrated, running
    from concordat.development import all_roles
    from ports.tokens import Claims

    # Only a slug has to be looked up: whoever names an id, or no club, needs no database.
    looked_up = club is not None and _as_id(club) is None
    async with migrated(settings) if looked_up else running(settings) as system:
        known = all_roles(system)
        if unknown := sorted(roles - known):
            advice = f"The roles are {', '.join(sorted(known))}."
            raise Failure(f"There is no role {unknown[0]}.", advice, status=USAGE)
        where = None if club is None else await _club(system, club)
        i = system.infrastructure
        expires_at = i.now() + timedelta(minutes=minutes)
        return i.tokens.issue(Claims(principal=principal, club=where, roles=roles, expires_at=expires_at))


async def _club(system: "System", said: str) -> UUID:
    """An id is taken as it is; a slug is looked up in the directory."""
    from concordat.named import club_named

    return _as_id(said) or await club_named(system, said)


def _as_id(said: str) -> UUID | None:
    try:
        return UUID(said)
    except ValueError:
        return None
