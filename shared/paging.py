"""Paging by key: a page is asked for by the key after which it starts, never by an offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

T = TypeVar("T")

SMALLEST, LARGEST, USUAL = 1, 200, 50


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`limit` rows (1 to 200) in key order: those after `after`, or the last before `before`; else from the start."""

    limit: int = USUAL
    after: UUID | None = None
    before: UUID | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in key order, and the keys to ask the neighbouring pages with; None where there is none."""

    data: Sequence[T]
    next: UUID | None
    prev: UUID | None
