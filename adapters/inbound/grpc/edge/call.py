"""One rpc as the edge sees it: metadata read once, the ids it is logged under, and who turned out to call."""

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

import grpc

from adapters.inbound.callers import Ids, ids_of
from adapters.inbound.grpc.edge.refusals import FieldsRefused, Violation
from ports.caller import Caller
from shared.ids import NewId

Metadata = Mapping[str, tuple[str | bytes, ...]]


@dataclass(slots=True, kw_only=True)
class Call:
    """`method` is the rpc's full name, `metadata` what came by lower-case name, in the order in which it came.

    `replayed`: the answer is one that was kept under an idempotency key. `status` is None before there is one.
    """

    method: str
    metadata: Metadata
    ids: Ids
    caller: Caller | None = None
    replayed: bool = False
    status: grpc.StatusCode | None = None

    def single(self, name: str) -> str | None:
        """A metadata value that may come once, as text; raises FieldsRefused if it came twice."""
        values = self.metadata.get(name, ())
        if len(values) > 1:
            raise FieldsRefused([Violation(field=f"metadata.{name}", reason="came twice")])
        return str(values[0]) if values else None

    @property
    def trailing(self) -> tuple[tuple[str, str], ...]:
        """The metadata of every answer."""
        ids = (("x-request-id", self.ids.request_id), ("traceparent", self.ids.traceparent))
        return (*ids, ("idempotency-replayed", "true")) if self.replayed else ids


_CURRENT: ContextVar[Call] = ContextVar("concordat.grpc.call")


def opened(method: str, metadata: Iterable[tuple[str, str | bytes]], new_id: NewId) -> Call:
    """A new call, which is the current one from here on: gRPC gives each rpc a task, and so a context, of its own."""
    gathered: dict[str, tuple[str | bytes, ...]] = {}
    for name, value in metadata:
        gathered[name] = (*gathered.get(name, ()), value)
    ids = ids_of(_first(gathered, "x-request-id"), _first(gathered, "traceparent"), new_id)
    call = Call(method=method, metadata=gathered, ids=ids)
    _CURRENT.set(call)
    return call


def current() -> Call:
    """The call that is being answered here."""
    return _CURRENT.get()


def calling() -> Caller:
    """Who calls; the chain authenticated them before it let the rpc begin."""
    caller = current().caller
    if caller is None:
        raise LookupError("a public rpc has no caller")
    return caller


def _first(metadata: Metadata, name: str) -> str:
    return str(metadata[name][0]) if name in metadata else ""
