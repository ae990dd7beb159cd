"""`concordat trust export`: writes what a verifier of receipts must know beforehand."""

from pathlib import Path
from typing import Annotated

import typer

from concordat.commands.verify import TRUST
from concordat.failures import Failure
from concordat.interrupts import run
from concordat.options import DataFolder, Profile
from concordat.settings import Settings, load
from core.log.trust import LedgerTrust, TrustBundle, write_bundle

trust = typer.Typer(help="The trust bundle: origins, log keys with their ranges, witnesses.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.add_typer(trust, name="trust")


@trust.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to write it; - for standard output.")] = Path(TRUST),
    *,
    profile: Profile = None,
    data_folder: DataFolder = None,
) -> None:
    """Write the trust bundle of the network: all that `concordat verify` needs beside a receipt.

    It holds public facts only, and no key on which database, secrets and ledger do not agree. Give it to whoever should
    be able to check receipts, by a way that they trust.
    """
    bundle = run(_bundle(load(profile=profile, data_folder=data_folder)))
    data, logs = write_bundle(bundle), len(bundle.logs)
    if str(file) == "-":
        typer.echo(data.decode())
        return
    try:
        file.write_bytes(data)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}.", "Name another file.") from None
    typer.echo(
        f"{file}: {logs} log{'s' if logs != 1 else ''}{_consortium(bundle.ledger)}."
        f" Check a receipt with: concordat verify FILE --trust {file}"
    )


def _consortium(ledger: LedgerTrust) -> str:
    """Whose word on the ledger counts."""
    if not ledger.organisations:
        return ""
    names = ", ".join(sorted(ledger.organisations))
    return f"; the ledger is the channel {ledger.channel}, and {ledger.k} of {names} have to vouch for a checkpoint"


async def _bundle(settings: Settings) -> TrustBundle:
    from concordat.assembly.log import build_trust
    from concordat.container import migrated
    from ports.ledger import LedgerBusy, LedgerUnavailable

    async with migrated(settings) as system:
        trusted = build_trust(system.infrastructure)
        try:
            return await trusted.exported()
        except (LedgerBusy, LedgerUnavailable):
            typer.echo("The ledger does not answer: keys were compared with the secrets alone.", err=True)
            return await trusted.bundle()
