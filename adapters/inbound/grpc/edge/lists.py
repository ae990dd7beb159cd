"""Lists: pages by opaque signed cursors, never by offsets."""

from typing import Any

from google.protobuf.message import Message

from adapters.inbound.cursors import Cursors, ForeignCursor, ListOf
from adapters.inbound.grpc.edge.fields import Fields
from shared.paging import LARGEST, SMALLEST, USUAL, PageRequest

BAD_CURSOR_CODE = "request/bad-cursor"


def page_request(request: Message, cursors: Cursors, which: ListOf) -> PageRequest:
    """Which page a request with an optional `limit` and a `cursor` asks for; raises FieldsRefused."""
    cursor: str = _any(request).cursor
    with Fields(request) as read:
        limit = read.number("limit", least=SMALLEST, most=LARGEST, usual=USUAL)
        page = PageRequest(limit=limit)
        if cursor:
            try:
                page = cursors.page(which, cursor, limit)
            except ForeignCursor:
                read.refuse("cursor", "does not belong to this list", code=BAD_CURSOR_CODE)
    return page


def _any(message: Message) -> Any:
    """Field names are not in the type of messages at large."""
    return message
