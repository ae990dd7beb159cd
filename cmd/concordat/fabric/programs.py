"""Fabric's programs: which are needed, where they are looked for, of which version they are."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from concordat.failures import USAGE, Failure

NEEDED = ("peer", "orderer", "configtxgen")
KNOWN = ("v3.1.5", "v2.5.16")
"""Versions that this is tested with, the usual one first."""

PAGE = "docs/how-to/fabric-programs.md"
_VERSION = re.compile(r"^ *Version: (v?[0-9][^ \n]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """All of them, of one version (`v3.1.5`)."""

    version: str
    peer: Path
    orderer: Path
    configtxgen: Path


def find_programs(named: Path | None, version: str | None) -> Programs:
    """The first that are whole: in the folder `named`, on PATH, in the user's data folder; `version` excludes others.

    Raises Failure with what is missing and where it was looked for.
    """
    seen = []
    for place, folder, known in _places(named, version):
        found = {name: shutil.which(name, path=folder) for name in NEEDED}
        missing = [name for name, path in found.items() if path is None]
        if missing:
            seen.append(f"{place}: no {', '.join(missing)}")
            continue
        programs = Programs(
            version=known or version_of(Path(str(found["peer"]))),
            **{name: Path(str(path)).absolute() for name, path in found.items()},
        )
        if version in (None, programs.version):
            return programs
        seen.append(f"{place}: {programs.version}")
    raise _missing(version, seen)


def installed_folder(version: str) -> Path:
    """Where the programs of a version are looked for when nothing names them."""
    return user_data_path("concordat", appauthor=False) / "fabric" / version / "bin"


def version_of(peer: Path) -> str:
    """What the program says that it is; raises Failure where it says nothing of the kind."""
    try:
        said = subprocess.run([peer, "version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"{peer} does not run: {error}.", f"See {PAGE}.", status=USAGE) from None
    found = _VERSION.search(said)
    if found is None:
        raise Failure(f"{peer} does not say its version: it is not Fabric's.", f"See {PAGE}.", status=USAGE)
    return f"v{found[1].removeprefix('v')}"


def _places(named: Path | None, version: str | None) -> Iterator[tuple[str, str, str]]:
    """What to call the place, where to look, and the version where the place tells it."""
    if named is not None:
        yield f"CONCORDAT_FABRIC_BIN ({named})", str(named), ""
        return
    yield "PATH", os.environ.get("PATH", ""), ""
    for each in KNOWN if version is None else (version,):
        folder = installed_folder(each)
        yield str(folder), str(folder), each


def _missing(version: str | None, seen: list[str]) -> Failure:
    wanted = "Fabric's programs" if version is None else f"Fabric's programs of version {version}"
    lines = [
        *(f"  {place}" for place in seen),
        f"Known to work are {' and '.join(KNOWN)}. Fabric publishes them in the archives of its releases, which its",
        "install script unpacks. Put them on PATH or into one of these folders, or name theirs in",
        f"CONCORDAT_FABRIC_BIN. See {PAGE}.",
    ]
    return Failure(f"{wanted} ({', '.join(NEEDED)}) were not found. Looked for in", "\n".join(lines), status=USAGE)
