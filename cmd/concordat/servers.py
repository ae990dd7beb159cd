"""The servers of one process, REST and gRPC: bound to their ports first, then started, then stopped within a grace."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import uvicorn

from concordat.failures import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where something listens; `moved_from` is the port that it should have had and that was taken."""

    host: str
    port: int
    moved_from: int | None = None

    def __str__(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def bind(name: str, host: str, port: int, *, anywhere: bool) -> tuple[socket.socket, Address]:
    """A listening socket; where the port is taken, on any free one if `anywhere`, else raises Failure."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    moved_from = None
    try:
        try:
            listener.bind((host, port))
        except OSError:
            if not anywhere:
                raise
            moved_from = port
            listener.bind((host, 0))
    except OSError as error:
        listener.close()
        reason = (error.strerror or "unknown reason").lower()
        setting = f"CONCORDAT_{name.upper()}_PORT"
        raise Failure(
            f"{name} cannot listen on {host}:{port}: {reason}.", f"Set {setting}, or free the port."
        ) from error
    listener.setblocking(False)
    return listener, Address(host=host, port=listener.getsockname()[1], moved_from=moved_from)


class _Uvicorn(uvicorn.Server):
    """Signals are for the whole process, which has other servers too."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """An ASGI app on a bound socket. `grace_seconds` is what requests in flight get when it stops."""

    def __init__(self, app: Any, listener: socket.socket, *, grace_seconds: int) -> None:
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=grace_seconds,
        )
        self._listener = listener
        self._server = _Uvicorn(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns once connections are taken."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listener]), name="http")
        while not self._server.started:
            if self._task.done():
                await self._task
                raise RuntimeError("the web server ended before it started")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await self._task
