"""What the REST edge can be told."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`allowed_hosts`: names that are answered for, any if empty. `cors_origins`: web origins that may call, exactly.

    `trusted_proxies`: networks whose X-Forwarded-Proto and -For are believed. `docs`: serve /docs and /openapi.json.
    """

    allowed_hosts: frozenset[str] = frozenset()
    cors_origins: frozenset[str] = frozenset()
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    docs: bool = False
    largest_body_bytes: int = 1_000_000
    largest_header_bytes: int = 8_192
    largest_headers_bytes: int = 32_768
