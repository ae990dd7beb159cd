"""What a pair of clubs settles: the visits of one calendar month, read by each club from its own records alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.canonical import Json, NotCanonical, unb64url
from shared.clock import parse_utc
from shared.errors import Invalid

CLOSED_AFTER = timedelta(days=1)
"""So long after its month a period stays open: what was checked in at its last instant is in both logs by then."""


class SettlementState(StrEnum):
    """Where a pair's period stands. All but SETTLED are looked at again and again."""

    OPEN = "open"
    SETTLED = "settled"
    DIFFERS = "differs"
    REFUSED = "refused"


class MalformedCheckIn(Invalid):
    """A club's own record of a check-in does not say what one says: somebody must look. Parameter: reason."""

    code = "settlement/malformed-check-in"
    title = "A record is not that of a check-in."


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    """A visit as the record of its check-in has it; the record stays as it is when the visitor is erased."""

    visit: UUID
    host: UUID
    home: UUID
    at: datetime
    commitment: bytes

    @property
    def pair(self) -> tuple[UUID, UUID]:
        """Both clubs, the one of the lower id first."""
        return pair_of(self.host, self.home)

    @property
    def period(self) -> str:
        return period_of(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmatched:
    """A visit that only one of two logs has, or has under this commitment (rule vis12)."""

    visit: UUID
    commitment: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What keeps a pair from settling: the visits that the first club alone has, and those of the second alone."""

    only_first: tuple[Unmatched, ...]
    only_second: tuple[Unmatched, ...]


def pair_of(one: UUID, other: UUID) -> tuple[UUID, UUID]:
    """The same whoever is named first."""
    return (one, other) if one < other else (other, one)


def period_of(at: datetime) -> str:
    """The calendar month of an instant in UTC, which is nobody's zone and so both clubs': `2026-03`."""
    return f"{at.astimezone(UTC):%Y-%m}"


def span_of(period: str) -> tuple[datetime, datetime]:
    """Its first instant, and the first one of the next period."""
    start = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC)
    return start, (start + timedelta(days=32)).replace(day=1)


def closed_from(period: str) -> datetime:
    """The instant from which nothing can happen in it any more."""
    _start, end = span_of(period)
    return end + CLOSED_AFTER


def newest_closed(now: datetime) -> str:
    """The last period in which nothing can happen any more."""
    start, _end = span_of(period_of(now - CLOSED_AFTER))
    return period_of(start - timedelta(days=1))


def check_in_of(fact: Mapping[str, Json], state: Mapping[str, Json], visit: str) -> CheckIn:
    """Out of a record of `clubs.visit_checked_in`: its fact, and the state and the id of the visit afterwards.

    Raises MalformedCheckIn.
    """
    try:
        found = CheckIn(
            visit=UUID(visit),
            host=UUID(str(state["host_club"])),
            home=UUID(str(state["home_club"])),
            at=parse_utc(str(state["checked_in_at"])),
            commitment=unb64url(str(fact["visit_commitment"])),
        )
    except (KeyError, ValueError, NotCanonical) as error:
        raise MalformedCheckIn(reason="a field is missing or malformed") from error
    if state.get("commitment") != fact["visit_commitment"]:
        raise MalformedCheckIn(reason="two commitments of one visit")
    return found


def of_pair(check_ins: Iterable[CheckIn], pair: tuple[UUID, UUID], period: str) -> dict[bytes, UUID]:
    """The visits between these two in this period, as one club's records have them, by their commitments."""
    return {each.commitment: each.visit for each in check_ins if (each.pair, each.period) == (pair, period)}


def difference(first: Mapping[bytes, UUID], second: Mapping[bytes, UUID]) -> Difference | None:
    """What the first club's records have and the second's have not, and the other way round; None where they agree."""
    if first.keys() == second.keys():
        return None
    return Difference(only_first=_lacking(first, second), only_second=_lacking(second, first))


def _lacking(having: Mapping[bytes, UUID], lacking: Mapping[bytes, UUID]) -> tuple[Unmatched, ...]:
    return tuple(Unmatched(visit=having[each], commitment=each) for each in sorted(having.keys() - lacking.keys()))
