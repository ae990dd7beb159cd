"""Query strings: each parameter known, at most once, decodable; values are read as strictly as a body."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

from adapters.inbound.rest.edge.refusals import NotAsDescribed
from adapters.inbound.rest.edge.strict_json import pointer_to

MOST_PARAMETERS = 32


def parameters_of(scope: Mapping[str, Any], known: Collection[str]) -> dict[str, str]:
    """The request's query parameters; raises NotAsDescribed for unknown or repeated ones, and for undecodable text."""
    raw: bytes = scope["query_string"]
    if not raw:
        return {}
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise _refused("", "cannot be decoded") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise _refused(name, "is no parameter of this operation")
        if name in found:
            raise _refused(name, "came twice")
        if "\0" in value:
            raise _refused(name, "has a NUL")
        found[name] = value
    return found


def _refused(name: str, reason: str) -> NotAsDescribed:
    return NotAsDescribed(errors=[{"in": "query", "pointer": pointer_to(name), "reason": reason}])
