"""`concordat witness export`: what another operator must know to witness these logs, and to be witnessed by them."""

from typing import Annotated

import typer

from concordat.failures import USAGE, Failure
from concordat.interrupts import run
from concordat.options import DataFolder, Profile
from concordat.settings import PREFIX, Settings, load, without_password
from concordat.witnesses import complaint
from core.log.policy import parse_policy

witness = typer.Typer(help="Operators who cosign each other's logs.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.add_typer(witness, name="witness")


@witness.command("export")
def export(
    url: Annotated[str, typer.Argument(help="Where others reach this witness: https://HOST/witness.")],
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """Print the logs and the witness of this deployment as a witness policy without a quorum.

    It holds public facts only. Give it to another operator by a way that they trust. It may run beside a server.
    """
    settings = load(profile=profile, data_folder=data_folder)
    if not settings.witness_name:
        raise Failure(
            "This deployment is no witness.",
            f"Set {PREFIX}WITNESS_NAME to a name for it, like witness.your-domain.org.",
            status=USAGE,
        )
    if said := complaint(url):
        raise Failure(
            f"{without_password(url)} {said}.",
            "Name where others reach this witness: https://HOST/witness.",
            status=USAGE,
        )
    exported = run(_exported(settings, url))
    typer.echo(exported, nl=False)
    if not parse_policy(exported).logs:
        typer.echo("No log has a key yet: once a club was founded and the server runs, export again.", err=True)


async def _exported(settings: Settings, url: str) -> str:
    from concordat.assembly.log import build_trust
    from concordat.container import migrated

    async with migrated(settings) as system:
        i = system.infrastructure
        trusted = await build_trust(i).exported()
        own = i.witnesses.own
    # Of each log the present key alone: with one that was left, a thief could have another history cosigned.
    logs = [f"log {ranges[-1].key}" for ranges in trusted.logs.values()]
    name = settings.witness_name
    witnesses = [] if own is None else [f"witness {name} {own[0]} {url}"]
    return "\n".join((*logs, *witnesses, "quorum none", ""))
