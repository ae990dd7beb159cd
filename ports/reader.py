"""Reads that go from storage to view, without an aggregate in between."""

from collections.abc import Mapping
from dataclasses import Field
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

from ports.caller import Caller
from shared.paging import Page, PageRequest


class View(Protocol):
    """A frozen dataclass whose field names are those of the aggregate that `kind` names (or of a projection)."""

    kind: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


V = TypeVar("V", bound=View)


class Reader(Protocol):
    """MUST show a caller only what its club is a party of; another club's row is the same as none."""

    async def one(self, caller: Caller, view: type[V], key: UUID) -> V:
        """The row with this id; raises Missing."""

    async def page(
        self, caller: Caller, view: type[V], request: PageRequest, where: Mapping[str, object] | None = None
    ) -> Page[V]:
        """Rows in id order, which is the order of creation; `where` holds field names with the value to equal."""
