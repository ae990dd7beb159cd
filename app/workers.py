"""What the workers share: who they are, and taking clubs, or what is in one, in turn, whatever befalls one of them."""

from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from ports.caller import Caller
from ports.unit_of_work import StoreUnavailable
from shared.clock import Now
from shared.errors import Unavailable, code_of

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 30.0

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def worker(name: str, club: UUID) -> Caller:
    """A worker inside one club: it drives no use case, so it needs no permission."""
    return Caller(principal=f"system:{name}", club=club, roles=frozenset(), request_id=f"{name}")


async def in_turn(keys: Iterable[K], work: Callable[[K], Awaitable[T]]) -> tuple[dict[K, T], list[Exception]]:
    """What the work gave for each, and what failed: trouble with one of them does not keep the others waiting.

    Raises Unavailable at once: what does not answer for one does not answer for the others.
    """
    done: dict[K, T] = {}
    failed = []
    for key in keys:
        try:
            done[key] = await work(key)
        except Unavailable:
            raise
        except Exception as error:
            failed.append(error)
    return done, failed


def report(failed: list[Exception]) -> None:
    """Raises the first of what failed, once all had their turn; the others stand in its notes."""
    if failed:
        for other in failed[1:]:
            failed[0].add_note(f"beside it: {code_of(other)}")
        raise failed[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A club's turn failed at `at`, for the so-manieth time in a row."""

    error: Exception
    times: int
    at: datetime

    def is_over(self, now: datetime) -> bool:
        """Whether the club may try again: it waits twice as long each time. A clock that was set back ends the wait."""
        waits = min(FIRST_WAIT_SECONDS * float(2 ** min(self.times - 1, 20)), LONGEST_WAIT_SECONDS)
        return not 0 <= (now - self.at).total_seconds() < waits


Tell = Callable[[UUID, Trouble | None], None]
"""Told of every turn that failed, and, with None, of the first one that went well again."""


@dataclass(frozen=True, kw_only=True)
class Turns:
    """One kind of work in each club in turn: a club in trouble waits by itself, and keeps no other one waiting.

    A store that does not answer is trouble of the whole job: its turn ends, and it comes again more slowly.
    """

    now: Now
    tell: Tell
    troubled: dict[UUID, Trouble] = field(default_factory=dict)

    async def each(self, clubs: Iterable[UUID], work: Callable[[UUID], Awaitable[T]]) -> dict[UUID, T]:
        """What the work gave for each club that had a turn which did not fail; raises StoreUnavailable."""
        done: dict[UUID, T] = {}
        for club in clubs:
            before = self.troubled.get(club)
            if before is not None and not before.is_over(self.now()):
                continue
            try:
                done[club] = await work(club)
            except Exception as error:
                times = 1 if before is None else before.times + 1
                trouble = self.troubled[club] = Trouble(error=error, times=times, at=self.now())
                if isinstance(error, StoreUnavailable):
                    # The club waits all the same: should the store fail for it alone, the next turn is the others'.
                    raise
                self.tell(club, trouble)
            else:
                if self.troubled.pop(club, None) is not None:
                    self.tell(club, None)
        return done
