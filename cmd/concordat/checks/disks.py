"""How full the disks are on which this process writes: what is left is told to `doctor`, and to the metrics."""

import asyncio
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.inbound.rest.edge.metrics import Reading
from concordat.builders import folders
from concordat.checks import Check, State
from concordat.settings import Settings

SUBJECT = "disk"
WARNED_FROM, FAILED_FROM = 0.80, 0.98

_GAUGE = "concordat_disk_used_ratio"
_HELP = "How full the disk is that holds a part, from 0 to 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk by its device's number, and how much of what we may use of it is used, from 0 to 1."""

    device: int
    used: float


async def examine_disks(settings: Settings) -> list[Check]:
    """A check per disk. The disk of a Postgres is looked at where that runs."""
    return list(fullness(await disks(settings)))


async def disk_gauges(settings: Settings) -> Sequence[Reading]:
    """A reading per part; none for one whose disk cannot be asked."""
    found = await disks(settings)
    return [Reading(name=_GAUGE, help=_HELP, value=disk.used, labels={"part": part}) for part, disk in found.items()]


def fullness(found: Mapping[str, Disk]) -> Iterator[Check]:
    """Of each disk, with what it holds."""
    for device in dict.fromkeys(disk.device for disk in found.values()):
        parts = [part for part, disk in found.items() if disk.device == device]
        used = max(disk.used for disk in found.values() if disk.device == device)
        state, advice = State.OK, ""
        if used >= FAILED_FROM:
            state, advice = State.FAILED, "Make room now: on a full disk nothing can be recorded or signed."
        elif used >= WARNED_FROM:
            state, advice = State.WARNING, "Make room, or move a part to another disk, before it is full."
        # Rounded down, so that no limit is shown before it is reached.
        said = f"{int(used * 100)} % full ({', '.join(parts)})"
        yield Check(subject=SUBJECT, state=state, found=said, advice=advice)


async def disks(settings: Settings) -> Mapping[str, Disk]:
    """The disk of each part, in a thread: one that is far away may take its time."""
    return await asyncio.to_thread(_disks, folders(settings))


def _disks(folders: Mapping[str, Path]) -> dict[str, Disk]:
    found = {}
    for part, folder in folders.items():
        # A folder that we may not look into is a trouble that its own check tells of.
        with suppress(OSError):
            found[part] = disk_of(folder)
    return found


def disk_of(folder: Path) -> Disk:
    """The disk that the folder is on, or will be once it is made; raises OSError."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    # What is reserved for root counts as used, as df has it: we are not root.
    usage = shutil.disk_usage(there)
    ours = usage.used + usage.free
    return Disk(device=there.stat().st_dev, used=usage.used / ours if ours else 0.0)
