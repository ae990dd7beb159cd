"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Profile = Annotated[
    str | None, typer.Option("--profile", help="local, production, or a file that ends in .toml.", metavar="PROFILE")
]
DataFolder = Annotated[
    Path | None, typer.Option("--data-folder", help="Where database, secrets and published logs are.")
]
