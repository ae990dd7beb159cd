"""Before the audit: which logs there are and what each is really called, also where the directory was changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.log.audit.catalogue import Beside
from app.log.audit.scene import Found
from core.log.audit.findings import Code, Finding
from core.log.audit.rows import Raw
from core.log.errors import LogInvalid
from core.log.records import parse_record
from ports.audit import AuditedLog, AuditedLogs

DIRECTORY = "directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """A club and its log's name; `listed` is what the directory calls it, None where that has no such club."""

    club: UUID
    origin: str
    listed: str | None


async def survey(logs: AuditedLogs, beside: Sequence[Beside], found: Found) -> list[Surveyed]:
    """Every club of the directory, and every one that shares events with one of them; names those that do not fit."""
    listed: dict[UUID, Raw] = {}
    for row in await logs.directory():
        club = _id(row.club)
        if club is None:
            _report(found, Code.ROW_STRAY, f"{row.origin!s}", f"{row.club!r} is no id of a club", row.club)
        else:
            listed[club] = row.origin
    surveyed: dict[UUID, Surveyed | None] = {}
    waiting = list(listed)
    while waiting:
        club = waiting.pop(0)
        if club in surveyed:
            continue
        async with logs.of(club) as look:
            surveyed[club] = await _one(look, club, listed.get(club), found)
            if surveyed[club] is not None:
                waiting += [met for raw in await look.partners() if (met := _id(raw)) is not None]
                for each in beside:
                    await each.survey(look, club)
    return [one for one in surveyed.values() if one is not None]


async def _one(look: AuditedLog, club: UUID, listed: Raw, found: Found) -> Surveyed | None:
    """The club, if there is a log of it; the name that two of its first record, its head and the directory give it."""
    head = await look.head()
    names = [await _founded_as(look), None if head is None else head.origin, listed]
    known = [name for name in names if isinstance(name, str)]
    if names[0] is None and head is None and not await look.count("record"):
        if listed is not None:
            _report(found, Code.ROW_STRAY, f"{listed!s}", "a club that has no log and was never founded", str(club))
        return None
    origin = next((name for name in known if known.count(name) > 1), known[0] if known else str(club))
    if listed is None:
        _report(found, Code.ROW_MISSING, origin, "a club with a log that the directory does not have", str(club))
    return Surveyed(club=club, origin=origin, listed=listed if isinstance(listed, str) else None)


async def _founded_as(look: AuditedLog) -> str | None:
    """What the first record of the log calls it."""
    for entry in await look.entries(0, 1):
        try:
            data = entry.record.data if entry.record is not None else None
            return parse_record(data if isinstance(data, bytes) else b"").log
        except LogInvalid:
            return None
    return None


def _id(value: Raw) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _report(found: Found, code: Code, origin: str, detail: str, club: Raw) -> None:
    found(Finding(code=code, origin=origin, table=DIRECTORY, detail=detail, kind="club", id=f"{club!s}"))
