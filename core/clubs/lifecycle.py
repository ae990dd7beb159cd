"""The one place that steps through life cycles: a table of allowed moves, a refusal for every other pair (rule sh7)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from shared.errors import Conflict

StateT = TypeVar("StateT", bound=StrEnum)
MoveT = TypeVar("MoveT", bound=StrEnum)


def step(table: Mapping[tuple[StateT, MoveT], StateT], state: StateT, move: MoveT, refusal: type[Conflict]) -> StateT:
    """The state after `move`; raises `refusal` with parameters state and move where the table has no such pair."""
    try:
        return table[state, move]
    except KeyError:
        raise refusal(state=state.value, move=move.value) from None
