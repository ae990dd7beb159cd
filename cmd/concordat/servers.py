"""The servers of one process, REST and gRPC: bound to their ports first, then started and stopped."""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.inbound.rest.edge.problems import unreadable
from concordat import clocks
from concordat.failures import Failure

BACKLOG = 2048
REQUEST_SECONDS = 60.0
"""What a client has for a request, from the connection, or the first byte of a further one, to the last."""
_NO_ADDRESS = "CONCORDAT_HOST and CONCORDAT_ADMIN_HOST have to be addresses of this machine."


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where something listens; `moved_from` is the port that it should have had and that was taken."""

    host: str
    port: int
    moved_from: int | None = None

    def __str__(self) -> str:
        """As a client on this machine writes it."""
        host = self.host
        with suppress(ValueError):
            if ip_address(host).is_unspecified:
                host = "::1" if ":" in host else "127.0.0.1"
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where each server of a process listens; None for those that it does not have."""

    http: Address | None
    grpc: Address | None
    admin: Address


def listen(name: str, try_port: Callable[[str, int], int], host: str, port: int, *, anywhere: bool) -> Address:
    """Where `try_port` (host, port) came to listen: on any free port if the right one is taken and `anywhere`.

    Raises Failure where that cannot be.
    """
    try:
        try:
            return Address(host=host, port=try_port(host, port))
        except OSError:
            if not anywhere:
                raise
            return Address(host=host, port=try_port(host, 0), moved_from=port)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        port_matters = error.errno in {errno.EADDRINUSE, errno.EACCES}
        advice = f"Set CONCORDAT_{name.upper()}_PORT, or free the port." if port_matters else _NO_ADDRESS
        raise Failure(f"{name} cannot listen on {host}:{port}: {reason}.", advice) from error


def bind(name: str, host: str, port: int, *, anywhere: bool) -> tuple[socket.socket, Address]:
    """A socket that listens, as `listen` says."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def try_port(host: str, port: int) -> int:
        listener.bind((host, port))
        listener.listen(BACKLOG)
        bound: int = listener.getsockname()[1]
        return bound

    try:
        address = listen(name, try_port, host, port, anywhere=anywhere)
    except Failure:
        listener.close()
        raise
    listener.setblocking(False)
    return listener, address


def free(host: str, port: int) -> int:
    """The port, if nothing listens there; raises OSError. For servers that would complain aloud before they refuse."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
    return port


class _Uvicorn(uvicorn.Server):
    """Signals are for the whole process, which has other servers too."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Protocol(HttpToolsProtocol):
    """What is no HTTP never reaches the app; it is refused as everything else is, and not in plain text.

    Who connects and sends no whole request in REQUEST_SECONDS is let go: uvicorn would keep the connection for ever,
    and a process has so many of them only.
    """

    _patience: asyncio.TimerHandle | None = None
    _arriving = True

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_request()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arriving = True

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._arriving = False

    def data_received(self, data: bytes) -> None:
        """A request that comes in one piece, as nearly all do, needs no timer of its own."""
        self._arriving = True
        super().data_received(data)
        if self._arriving:
            self._await_request()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_request(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        """Not while an answer is under way: then the next request may take its time."""
        self._patience = None
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self.transport.write(unreadable(str(clocks.new_id())))
        self.transport.close()


class WebServer:
    """An ASGI app on a bound socket. `grace_seconds` is what requests in flight get when it stops."""

    def __init__(self, app: Any, listener: socket.socket, *, grace_seconds: int) -> None:
        config = uvicorn.Config(
            app,
            http=_Protocol,
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
