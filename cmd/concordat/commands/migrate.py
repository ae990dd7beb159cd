"""`concordat migrate`: brings the database to the schema of this version."""

import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from concordat.failures import USAGE, Failure
from concordat.interrupts import run
from concordat.options import DataFolder, Profile
from concordat.settings import Settings, load, without_password

if TYPE_CHECKING:
    from adapters.outbound.sql.migrate import Migrated


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("migrate")(migrate)


def migrate(
    *,
    new_password: Annotated[
        bool, typer.Option("--new-password", help="Give the runtime role a new password, and print it.")
    ] = False,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """Migrate the database, and on Postgres make the role that serves: it owns nothing.

    On Postgres, CONCORDAT_DATABASE_OWNER_URL names the owner's connection, and nothing else is needed. The role's
    password is printed once, in the URL to serve with.
    """
    settings = load(profile=profile, data_folder=data_folder)
    migrated = run(_migrate(settings, new_password=new_password))
    before = "was empty" if migrated.before is None else f"was at {migrated.before}"
    typer.echo(f"The database is at revision {migrated.after} (it {before}).")
    if migrated.url.startswith("sqlite"):
        return
    if ":@" in migrated.url:
        typer.echo("The role that serves keeps its password (a new one: --new-password). Its URL, without it:")
    else:
        typer.echo("Serve with (the password is shown this once):")
    typer.echo(f"CONCORDAT_DATABASE_URL={migrated.url}")


async def _migrate(settings: Settings, *, new_password: bool) -> "Migrated":
    from adapters.outbound.sql import migrate as sql
    from concordat.builders import owners_url
    from concordat.lifespan import prepare_folders
    from concordat.locks import alone
    from concordat.schema import unknown

    url = owners_url(settings)
    if not url:
        advice = "Set CONCORDAT_DATABASE_OWNER_URL to a URL of the role that owns the database."
        raise Failure("On Postgres only the owner can migrate, and no owner URL is set.", advice, status=USAGE)
    if not settings.database_owner_url:
        prepare_folders(settings)
    with alone(url):
        try:
            return await sql.migrate(url, password=secrets.token_urlsafe(24) if new_password else None)
        except sql.UnknownRevision:
            raise unknown() from None
        except Exception as error:
            said = without_password(str(getattr(error, "orig", None) or error)).strip().rstrip(".")
            advice = f"Is {without_password(url)} right, does it answer, and does its role own the database?"
            raise Failure(f"The database could not be migrated: {said}.", advice) from error
