"""`concordat subject erase`: forgets a person, in every log, table and byte of the database's files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from concordat.failures import USAGE, Failure
from concordat.interrupts import run
from concordat.options import DataFolder, Profile
from concordat.settings import Settings, load

if TYPE_CHECKING:
    from app.clubs.members import Erased, Members
    from ports.caller import Caller

subject = typer.Typer(help="People of whom the network keeps something.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.add_typer(subject, name="subject")


@subject.callback()
def _group() -> None:
    """A group with one command stays a group."""


@subject.command("erase")
def erase(
    member: Annotated[str, typer.Argument(help="The member's id.", show_default=False)],
    *,
    club: Annotated[str, typer.Option("--club", help="The member's club: its id or slug.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """Erase a member: keys, personal values and the reference go, in both clubs' logs; every proof still verifies.

    It cannot be undone. Afterwards the database's files are rewritten, so that no byte of the person is left in them:
    on Postgres as the owner, if CONCORDAT_DATABASE_OWNER_URL is set. Backups and archived write-ahead logs keep what
    they hold until they expire.
    """
    settings = load(profile=profile, data_folder=data_folder)
    key = _id(member)
    if not yes:
        run(_require(settings, key, club))
        typer.confirm(f"Erase member {key} of {club} for ever?", abort=True)
    erased = run(_erase(settings, key, club))
    if erased is None:
        typer.echo(f"Member {key} was erased before.")
    else:
        typer.echo(f"Member {key} is erased, and {erased.visits} of the person's visits with it.")
    typer.echo(run(_rewritten(settings)))


def _id(text: str) -> UUID:
    from shared.ids import MalformedId, parse_id

    try:
        return parse_id(text)
    except MalformedId:
        raise Failure(
            f"{text} is not a member's id.", "It is a UUID, as GET /v1/members shows it.", status=USAGE
        ) from None


async def _require(settings: Settings, member: UUID, club: str) -> None:
    """Nobody is asked about somebody whom there is not."""
    async with _members(settings, member, club) as (members, caller):
        await members.get(caller, member)


async def _erase(settings: Settings, member: UUID, club: str) -> "Erased | None":
    """None for somebody who was erased before: whoever runs the command again wants the files to be rewritten."""
    from core.clubs.member import Erased as ErasedBefore

    async with _members(settings, member, club) as (members, caller):
        try:
            return await members.erase(caller, member)
        except ErasedBefore:
            return None


@asynccontextmanager
async def _members(settings: Settings, member: UUID, club: str) -> AsyncIterator["tuple[Members, Caller]"]:
    """Raises Failure for a club or a member that there is not."""
    from concordat.container import migrated
    from concordat.development import all_roles
    from concordat.modules.clubs import CLUBS
    from concordat.named import club_named
    from ports.caller import Caller
    from ports.unit_of_work import Missing

    async with migrated(settings) as system:
        found = await club_named(system, club)
        members = next(built.use_cases for built in system.modules if built.module is CLUBS).members
        try:
            yield members, Caller(principal="operator", club=found, roles=all_roles(system), request_id="subject-erase")
        except Missing:
            sentence = f"There is no member {member} at {club}."
            raise Failure(sentence, "GET /v1/members lists them, with a token for the club.", status=USAGE) from None


async def _rewritten(settings: Settings) -> str:
    """Rewrites the files, or says what is left to do."""
    from adapters.outbound.sql.vacuum import HOLDS_PERSONAL_VALUES, vacuum
    from concordat.builders import owners_url

    url = owners_url(settings)
    if not url:
        tables = ", ".join(HOLDS_PERSONAL_VALUES)
        return f"Now run, as the database's owner: VACUUM (FULL) {tables}; deleted rows stay in the files until then."
    await vacuum(url)
    return "The database's files were rewritten: nothing of the person is left in them."
