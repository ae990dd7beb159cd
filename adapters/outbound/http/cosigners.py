"""Witnesses of other operators over HTTP, as C2SP tlog-witness lays it down; nothing that they send is trusted."""

import asyncio
import re
import socket
import ssl
from collections.abc import Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType

import httpx2

from core.log.cosigning import AddCheckpoint
from ports.cosigners import WitnessHolds, WitnessRefused, WitnessUnavailable

TIMEOUT_SECONDS = 5.0
LARGEST_ANSWER = 1 << 16

_SIZE = re.compile(rb"(0|[1-9][0-9]{0,15})\n")
_REFUSALS = frozenset({400, 403, 404, 422})
_OK, _CONFLICT = 200, 409
_WHY: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate is not trusted here"),
    (ssl.SSLError, "no TLS is spoken there"),
    (socket.gaierror, "there is no such host"),
    (ConnectionRefusedError, "nobody listens there"),
    (httpx2.ProtocolError, "no HTTP is spoken there"),
)
"""What a person is told; the first that an error is, or that caused it."""


class HttpCosigners:
    """Implements ports.cosigners.Cosigners; connections are kept for the next time. `timeout_seconds` is for all of it.

    Redirects are not followed: a witness is where its policy says. Cookies are not kept: there could be any number.
    """

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        self._client = httpx2.AsyncClient(timeout=timeout_seconds, cookies=cookies)

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
            raise WitnessUnavailable(url=url, reason=_why(error)) from error
        size = _SIZE.fullmatch(body)
        if status == _OK and body.endswith(b"\n"):
            return body.decode(errors="replace")
        if status == _CONFLICT and size is not None:
            raise WitnessHolds(url=url, size=int(size[1]))
        if status in _REFUSALS:
            raise WitnessRefused(url=url, status=status)
        reason = "an answer that no witness gives" if status in (_OK, _CONFLICT) else f"status {status}"
        raise WitnessUnavailable(url=url, reason=reason)

    async def _post(self, url: str, content: bytes) -> tuple[int, bytes]:
        """Status and body; raises WitnessUnavailable for a body that is too long, without the rest of it."""
        body = b""
        # Read as it comes: a packed answer could be of any size once it is unpacked.
        headers = {"content-type": "text/plain", "accept-encoding": "identity"}
        async with self._client.stream("POST", url, content=content, headers=headers) as answer:
            async for part in answer.aiter_raw():
                body += part
                if len(body) > LARGEST_ANSWER:
                    raise WitnessUnavailable(url=url, reason="an answer that no witness gives: it is too long")
        return answer.status_code, body


def _why(error: BaseException) -> str:
    chain = list(_causes(error))
    found = (words for kind, words in _WHY if any(isinstance(each, kind) for each in chain))
    return next(found, f"the connection failed: {type(error).__name__}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
