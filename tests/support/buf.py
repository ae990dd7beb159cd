"""buf, from npm where Node is: lint and breaking-change checks of the protos. Elsewhere it says that it did not run."""

import shutil
import subprocess
from pathlib import Path

from tests.support import engines
from tests.support.processes import clean_environment

VERSION = "1.75.0"
_REPOSITORY = Path(__file__).parents[2]


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str] | None:
    """The outcome of `buf <arguments>` in this folder, or None where Node or the package cannot be had."""
    npx = shutil.which("npx")
    if npx is None:
        engines.ran("buf", "not run (no Node)")
        return None
    buf = [npx, "--yes", f"@bufbuild/buf@{VERSION}"]
    fetched = subprocess.run([*buf, "--version"], env=clean_environment(), capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        engines.ran("buf", "not run (npm could not fetch it)")
        return None
    if folder.is_relative_to(_REPOSITORY):  # a run over a planted proto says nothing about ours
        engines.ran("buf", f"ran {fetched.stdout.strip()}")
    command = [*buf, *arguments]
    return subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False)
