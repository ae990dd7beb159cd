"""Which of Fabric's programs are here: files of tests that need them are collected only where they are found."""

import os
from functools import cache
from pathlib import Path

from concordat.fabric.programs import KNOWN, PAGE, find_programs
from concordat.failures import Failure

SWITCH, ALL = "CONCORDAT_TEST_FABRIC", "all"


def named() -> Path | None:
    """The folder of CONCORDAT_FABRIC_BIN."""
    folder = os.environ.get("CONCORDAT_FABRIC_BIN")
    return Path(folder) if folder else None


@cache
def versions() -> tuple[str, ...]:
    """Those that tests run on: the first of the known versions that is here, unless CONCORDAT_TEST_FABRIC says more.

    It names versions (v2.5.16 or v3.1.5,v2.5.16), or says `all`. CONCORDAT_FABRIC_BIN leaves those of that folder.
    """
    wanted = {*os.environ.get(SWITCH, "").split(",")} - {""}
    if unknown := wanted - {ALL, *KNOWN}:
        raise ValueError(f"{SWITCH} is {ALL}, or of {', '.join(KNOWN)}; not {', '.join(sorted(unknown))}")
    here = [version for version in KNOWN if _is_here(version)]
    return tuple([one for one in here if not wanted.isdisjoint({one, ALL})] if wanted else here[:1])


def idle() -> str:
    """What the last lines of a run say of Fabric when no real network was started."""
    return "not run" if versions() else f"simulator (no peer and orderer found, see {PAGE})"


def _is_here(version: str) -> bool:
    try:
        find_programs(named(), version)
    except Failure:
        return False
    return True
