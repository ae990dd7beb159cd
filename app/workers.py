"""What the workers share: the caller that they are, and to take clubs or visits in turn, whatever befalls one."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from uuid import UUID

from ports.caller import Caller

T = TypeVar("T")


def worker(name: str, club: UUID) -> Caller:
    """A worker inside one club: it drives no use case, so it needs no permission."""
    return Caller(principal=f"system:{name}", club=club, roles=frozenset(), request_id=f"{name}")


async def in_turn(keys: Iterable[UUID], work: Callable[[UUID], Awaitable[T]]) -> tuple[dict[UUID, T], list[Exception]]:
    """What the work gave for each, and what failed: trouble with one of them does not keep the others waiting."""
    done: dict[UUID, T] = {}
    failed = []
    for key in keys:
        try:
            done[key] = await work(key)
        except Exception as error:
            failed.append(error)
    return done, failed


def report(failed: list[Exception]) -> None:
    """Raises the first of what failed, once all had their turn; the others stand in its notes."""
    if failed:
        for other in failed[1:]:
            failed[0].add_note(f"beside it: {type(other).__name__}: {other}")
        raise failed[0]
