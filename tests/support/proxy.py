"""A TCP proxy on loopback that cuts a connection where a test wants it cut, or that takes TLS for Postgres."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self

_CHUNK = 1 << 16
_SSL_REQUEST = bytes.fromhex("00000008 04d2162f")


class Cut(Enum):
    """Where the connection ends, seen from words that the client sends."""

    BEFORE = "the server never gets them"
    AFTER = "the server has answered them, and the client never hears it"


@dataclass(slots=True)
class Proxy:
    """Passes everything on until it is told to cut, once, at the next message with these words in it.

    With `tls` it answers as a Postgres that takes TLS alone, and lets `certified` in with a certificate alone.
    """

    target: int
    port: int = 0
    tls: ssl.SSLContext | None = None
    certified: bytes = b""
    cuts: int = 0
    _cut: Cut | None = None
    _words: bytes = b""
    _server: asyncio.Server | None = None
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def cut(self, where: Cut, words: bytes) -> None:
        self._cut, self._words = where, words

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        if self.tls is not None and not await _encrypted(client_in, client_out, self.tls):
            client_out.close()
            self._tasks.discard(task)
            return
        server_in, server_out = await asyncio.open_connection("127.0.0.1", self.target)
        answers = asyncio.create_task(_pass_on(server_in, client_out))
        try:
            await self._requests(client_in, client_out, server_out, server_in, answers)
        finally:
            answers.cancel()
            for writer in (client_out, server_out):
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
            self._tasks.discard(task)

    async def _requests(
        self,
        client_in: asyncio.StreamReader,
        client_out: asyncio.StreamWriter,
        server_out: asyncio.StreamWriter,
        server_in: asyncio.StreamReader,
        answers: "asyncio.Task[None]",
    ) -> None:
        """Until either side hangs up, or the connection is cut."""
        while data := await client_in.read(_CHUNK):
            if self.certified and self.certified in data and not client_out.get_extra_info("peercert"):
                return
            cut = self._cut if self._words and self._words in data else None
            if cut is Cut.AFTER:
                # Whoever else reads would pass the answer on.
                answers.cancel()
                await asyncio.gather(answers, return_exceptions=True)
            if cut is not Cut.BEFORE:
                server_out.write(data)
                await server_out.drain()
            if cut is not None:
                self._cut, self._words = None, b""
                self.cuts += 1
                if cut is Cut.AFTER:
                    await server_in.read(_CHUNK)
                return


async def _encrypted(client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter, tls: ssl.SSLContext) -> bool:
    """Postgres' way into TLS: the client asks for it before anything else, and is answered with one letter."""
    try:
        if await client_in.readexactly(len(_SSL_REQUEST)) != _SSL_REQUEST:
            return False
        client_out.write(b"S")
        await client_out.start_tls(tls)
    except (OSError, asyncio.IncompleteReadError):
        return False
    return True


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
        target.close()
