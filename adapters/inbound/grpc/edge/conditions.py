"""Conditions on a change: the idempotency key, and the version that `if-match` names; both enter into the Caller."""

import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from adapters.inbound.callers import is_entity_tag, key_fault, under, version_in
from adapters.inbound.grpc.edge.call import Call, calling, current
from adapters.inbound.grpc.edge.refusals import FieldsRefused, Violation
from ports.caller import Caller
from ports.unit_of_work import Replayed
from shared.canonical import Json

T = TypeVar("T")

KEY, IF_MATCH = "idempotency-key", "if-match"
KEY_REQUIRED_CODE = "idempotency/key-required"


def changing(operation: str, *inputs: object, key_required: bool = False, versioned: bool = True) -> Caller:
    """The caller of an rpc that has an effect, with the conditions in its metadata; raises FieldsRefused.

    `operation` and `inputs` (ids, then the command) are those of the same operation on every other edge, so that a
    retry may come over another one. Without `versioned` there is nothing yet whose version `if-match` could name.
    """
    call = current()
    key = _key(call, required=key_required)
    version = _version(call, versioned=versioned)
    return under(calling(), operation=operation, key=key, version=version, inputs=inputs)


async def once(work: Awaitable[T], again: Callable[[Json], T]) -> T:
    """What `work` answers, or what was answered under its key before, read by `again` from plain JSON.

    A message is made of a view as it is today: a field that came later has its default, and without one `again` raises.
    """
    try:
        return await work
    except Replayed as replayed:
        current().replayed = True
        return again(json.loads(replayed.answer))


def _key(call: Call, *, required: bool) -> str | None:
    key = call.single(KEY)
    if key is None:
        if required:
            raise _refused(KEY, "is required", code=KEY_REQUIRED_CODE)
        return None
    fault = key_fault(key)
    if fault is not None:
        raise _refused(KEY, fault)
    return key


def _version(call: Call, *, versioned: bool) -> int | None:
    tag = call.single(IF_MATCH)
    if tag is None:
        return None
    if not versioned:
        raise _refused(IF_MATCH, "means nothing here: what this makes has no version yet")
    if not is_entity_tag(tag):
        raise _refused(IF_MATCH, "is not one entity tag")
    return version_in(tag)


def _refused(name: str, reason: str, *, code: str | None = None) -> FieldsRefused:
    return FieldsRefused([Violation(field=f"metadata.{name}", reason=reason, code=code)])
