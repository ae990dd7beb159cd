"""How a client is told of its rate: the header fields of draft-ietf-httpapi-ratelimit-headers."""

from collections.abc import Iterator
from math import ceil

from ports.rates import Taken


def headers_of(taken: Taken | None) -> Iterator[tuple[bytes, bytes]]:
    """The policy, and what is left under it until when; nothing for a request that was not counted."""
    if taken is None:
        return
    policy = taken.policy
    yield b"ratelimit-policy", f'"{policy.name}";q={policy.quota};w={policy.window_seconds}'.encode()
    yield b"ratelimit", f'"{policy.name}";r={taken.remaining};t={ceil(taken.reset_seconds)}'.encode()
