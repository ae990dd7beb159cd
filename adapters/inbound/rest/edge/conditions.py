"""Conditions on a change: the Idempotency-Key, and the version that If-Match names."""

import re

from adapters.inbound.callers import is_entity_tag, key_fault, version_in
from adapters.inbound.rest.edge.authentication import KeyRule
from adapters.inbound.rest.edge.exchange import Exchange
from adapters.inbound.rest.edge.refusals import BadHeader, IdempotencyKeyRequired, PreconditionRequired

_TAGS = re.compile(r'"[^"]*"')


def etag(version: int) -> str:
    """The entity tag of an aggregate at `version`."""
    return f'"{version}"'


def is_at_hand(exchange: Exchange, tag: str) -> bool:
    """Whether If-None-Match says that the client has `tag`: compared weakly, in a list too (RFC 9110, 13.1.2).

    A proxy that compresses makes weak tags of ours.
    """
    held = exchange.headers.get(b"if-none-match")
    if held is None:
        return False
    text = held.decode("latin-1")
    return text == "*" or tag in _TAGS.findall(text)


def idempotency_key(exchange: Exchange, rule: KeyRule) -> str | None:
    """1 to 255 printable ASCII characters; raises BadHeader, or IdempotencyKeyRequired where there is none."""
    name = "idempotency-key"
    if rule is KeyRule.IGNORED:
        return None
    key = exchange.single(name)
    if key is None:
        if rule is KeyRule.REQUIRED:
            raise IdempotencyKeyRequired(header=name, reason="it is missing")
        return None
    fault = key_fault(key)
    if fault is not None:
        raise BadHeader(header=name, reason=f"it {fault}")
    return key


def expected_version(exchange: Exchange, *, required: bool) -> int | None:
    """The version that If-Match names, None without one; raises BadHeader and PreconditionRequired.

    `*` names no version, so it does not satisfy the requirement.
    """
    tag = exchange.single("if-match")
    if tag is not None and not is_entity_tag(tag):
        raise BadHeader(header="if-match", reason="it is not one entity tag")
    version = None if tag is None else version_in(tag)
    if version is None and required:
        raise PreconditionRequired(header="if-match")
    return version
