"""Lists: which page is asked for, and the envelope and Link header of the answer. Never an offset."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from adapters.inbound.cursors import LONGEST_CURSOR, ForeignCursor, ListOf
from adapters.inbound.rest.edge.authentication import authenticated
from adapters.inbound.rest.edge.exchange import Exchange, exchange_of
from adapters.inbound.rest.edge.refusals import BadCursor, NotAsDescribed
from shared.paging import LARGEST, SMALLEST, USUAL, Page, PageRequest

T = TypeVar("T")

LIMIT, CURSOR = "limit", "cursor"
DESCRIBED: Sequence[Mapping[str, Any]] = (
    {
        "name": LIMIT,
        "in": "query",
        "description": "The most rows to answer with.",
        "schema": {"type": "integer", "minimum": SMALLEST, "maximum": LARGEST, "default": USUAL},
    },
    {
        "name": CURSOR,
        "in": "query",
        "description": "`meta.next` or `meta.prev` of an earlier answer under the same filters.",
        "schema": {"type": "string", "maxLength": LONGEST_CURSOR},
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """Cursors of the neighbouring pages, null where there is none."""

    next: str | None
    prev: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """One page of a list."""

    # A list and no Sequence, which pydantic would write in Python.
    data: list[T]
    meta: Meta


async def page_request(request: Request) -> PageRequest:
    """Which page is asked for; raises NotAsDescribed and BadCursor."""
    exchange = exchange_of(request.scope)
    limit = _limit(exchange.parameters.get(LIMIT))
    cursor = exchange.parameters.get(CURSOR)
    if cursor is None:
        return PageRequest(limit=limit)
    try:
        return exchange.services.cursors.page(_list_of(exchange), cursor, limit)
    except ForeignCursor:
        raise BadCursor from None


Paging = Annotated[PageRequest, Depends(page_request)]
"""The annotation of a list endpoint's page."""


def page_of(rows: Sequence[T], key: Callable[[T], UUID], request: PageRequest) -> Page[T]:
    """The page of a short list that is at hand whole; `rows` are in the order of their keys."""
    first, last = 0, len(rows)
    if request.before is not None:
        last = bisect_left(rows, request.before, key=key)
        first = max(0, last - request.limit)
    else:
        first = 0 if request.after is None else bisect_right(rows, request.after, key=key)
        last = min(last, first + request.limit)
    data = rows[first:last]
    return Page(
        data=data,
        next=key(data[-1]) if data and last < len(rows) else None,
        prev=key(data[0]) if data and first > 0 else None,
    )


def listing(exchange: Exchange, path: str, page: Page[T]) -> tuple[Listing[T], dict[str, str]]:
    """The answer to a list, and its Link header: relative, since Host may be anything."""
    which, cursors = _list_of(exchange), exchange.services.cursors
    meta = Meta(next=cursors.next(which, page.next), prev=cursors.prev(which, page.prev))
    kept = {name: value for name, value in exchange.parameters.items() if name != CURSOR}
    links = [
        f'<{quote(path)}?{urlencode({**kept, CURSOR: cursor})}>; rel="{rel}"'
        for rel, cursor in (("next", meta.next), ("prev", meta.prev))
        if cursor is not None
    ]
    return Listing(data=[*page.data], meta=meta), ({"link": ", ".join(links)} if links else {})


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL
    # int() alone would take " 12 ", "1_000" and digits of other scripts.
    if text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST)) and SMALLEST <= int(text) <= LARGEST:
        return int(text)
    reason = f"is not an integer from {SMALLEST} to {LARGEST}"
    raise NotAsDescribed(errors=[{"in": "query", "pointer": f"/{LIMIT}", "reason": reason}])


def _list_of(exchange: Exchange) -> ListOf:
    filters = {name: value for name, value in exchange.parameters.items() if name not in (LIMIT, CURSOR)}
    return ListOf(operation=exchange.operation, club=authenticated(exchange).club, filters=filters)
