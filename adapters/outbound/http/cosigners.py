"""Witnesses of other operators over HTTP, as C2SP tlog-witness lays it down; nothing that they send is trusted."""

import asyncio
import re
from types import TracebackType

import httpx2

from core.log.cosigning import AddCheckpoint
from ports.cosigners import WitnessHolds, WitnessRefused, WitnessUnavailable

TIMEOUT_SECONDS = 5.0
LARGEST_ANSWER = 1 << 16

_SIZE = re.compile(rb"(0|[1-9][0-9]{0,15})\n")
_REFUSALS = frozenset({400, 403, 404, 422})
_OK, _CONFLICT = 200, 409


class HttpCosigners:
    """Implements ports.cosigners.Cosigners; connections are kept for the next time. `timeout_seconds` is for all of it.

    Redirects are not followed: a witness is where its policy says.
    """

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._client = httpx2.AsyncClient(timeout=timeout_seconds)

    async def __aenter__(self) -> "HttpCosigners":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def add_checkpoint(self, url: str, request: AddCheckpoint) -> str:
        try:
            # The client's own limits are for each read: who sends a byte now and then would never be late.
            async with asyncio.timeout(self._timeout_seconds):
                status, body = await self._post(f"{url.rstrip('/')}/add-checkpoint", str(request).encode())
        except TimeoutError as error:
            raise WitnessUnavailable(url=url, reason=f"no answer within {self._timeout_seconds:g} s") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise WitnessUnavailable(url=url, reason=type(error).__name__) from error
        size = _SIZE.fullmatch(body)
        if status == _OK and body.endswith(b"\n"):
            return body.decode(errors="replace")
        if status == _CONFLICT and size is not None:
            raise WitnessHolds(url=url, size=int(size[1]))
        if status in _REFUSALS:
            raise WitnessRefused(url=url, status=status)
        raise WitnessUnavailable(url=url, reason=f"status {status}, or a body that no witness sends")

    async def _post(self, url: str, content: bytes) -> tuple[int, bytes]:
        """Status and body; of a longer body as much as shows that it is too long."""
        body = b""
        # Read as it comes: a packed answer could be of any size once it is unpacked.
        headers = {"content-type": "text/plain", "accept-encoding": "identity"}
        async with self._client.stream("POST", url, content=content, headers=headers) as answer:
            async for part in answer.aiter_raw():
                body += part
                if len(body) > LARGEST_ANSWER:
                    return 0, b""
        return answer.status_code, body
