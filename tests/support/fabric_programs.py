"""Which of Fabric's programs are here: files of tests that need them are collected only where they are found."""

import os
from functools import cache
from pathlib import Path

from concordat.fabric.programs import KNOWN, PAGE, find_programs
from concordat.failures import Failure


def named() -> Path | None:
    """The folder of CONCORDAT_FABRIC_BIN."""
    folder = os.environ.get("CONCORDAT_FABRIC_BIN")
    return Path(folder) if folder else None


@cache
def versions() -> tuple[str, ...]:
    """The known versions that are here; where CONCORDAT_FABRIC_BIN is set, of those that it has."""
    return tuple(version for version in KNOWN if _is_here(version))


def idle() -> str:
    """What the last lines of a run say of Fabric when no real network was started."""
    return "not run" if versions() else f"simulator (no peer and orderer found, see {PAGE})"


def _is_here(version: str) -> bool:
    try:
        find_programs(named(), version)
    except Failure:
        return False
    return True
