"""What the gRPC edge can be told."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The server's key and certificate chain, and the roots that clients' certificates must lead to, all as PEM."""

    key: bytes = field(repr=False)
    chain: bytes
    client_roots: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`reflection`: tell clients what is served. `tls`: mutual TLS, none without it. Sizes are in bytes."""

    reflection: bool = False
    tls: Tls | None = None
    longest_call_seconds: float = 10.0
    readiness_seconds: float = 1.0
    """How often a health watch looks again."""
    largest_message_bytes: int = 4 * 1024 * 1024
    largest_metadata_bytes: int = 16 * 1024
