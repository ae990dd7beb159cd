"""What one peer has committed, another has a moment later: after an outage, once it has found the orderer again."""

import asyncio
from collections.abc import Awaitable, Callable

_WITHIN_SECONDS, _PAUSE_SECONDS = 20.0, 0.1


async def comes_to(ask: Callable[[], Awaitable[object]], expected: object) -> None:
    """Ask until the answer is the expected one, and compare the last one that there was time for."""
    for _again in range(int(_WITHIN_SECONDS / _PAUSE_SECONDS)):
        if await ask() == expected:
            return
        await asyncio.sleep(_PAUSE_SECONDS)
    assert await ask() == expected
