"""How a gRPC server comes to listen: on one address that it shares with nobody, with mutual TLS or without any."""

import errno
from typing import Any

import grpc

from adapters.inbound.grpc.settings import Tls

# Else two processes could listen on one port, and each would get some of the calls.
ALONE: tuple[str, Any] = ("grpc.so_reuseport", 0)


def listen(server: grpc.aio.Server, host: str, port: int, tls: Tls | None) -> int:
    """The port that it listens on: any free one for 0. Raises OSError if it is taken."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if tls is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, _credentials(tls))
    except RuntimeError as error:
        raise OSError(errno.EADDRINUSE, f"cannot listen on {address}") from error


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    """Mutual: whoever has no certificate of the named roots is not even heard."""
    return grpc.ssl_server_credentials([(tls.key, tls.chain)], tls.client_roots, require_client_auth=True)
