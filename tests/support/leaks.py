"""Looks for what must not be read: values in every spelling, among all bytes that somebody can read."""

import base64
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import chain
from uuid import UUID

from core.log.merkle import leaf_hash

Secret = bytes | str | UUID
SHORTEST = 4
"""Bytes of a spelling that are looked for; shorter ones would be found by chance."""


def leaks(readable: bytes, secrets: Mapping[str, Secret], *, hashes: bool = True) -> list[str]:
    """Which of these stand in there, and how they are spelt there; with `hashes`, unsalted ones of them too."""
    found = []
    for name, secret in secrets.items():
        for form, value in _forms(secret):
            hashed = _hashed(form, value) if hashes else ()
            for what, data in chain([(form, value)], hashed):
                found += [f"{name} as {what} in {how}" for how, text in _spellings(data) if text in readable]
    return found


def _forms(secret: Secret) -> Iterator[tuple[str, bytes]]:
    """The bytes that people and programs write for it."""
    if isinstance(secret, UUID):
        yield "bytes", secret.bytes
        yield "text", str(secret).encode()
    elif isinstance(secret, str):
        yield "text", secret.encode()
    else:
        yield "bytes", secret


def _hashed(form: str, value: bytes) -> Iterator[tuple[str, bytes]]:
    yield f"SHA-256 of its {form}", sha256(value).digest()
    yield f"Merkle leaf of its {form}", leaf_hash(value)
    yield f"SHA-256 of its hex {form}", sha256(value.hex().encode()).digest()


def _spellings(data: bytes) -> Iterator[tuple[str, bytes]]:
    yield "raw bytes", data
    yield "hex", data.hex().encode()
    yield "capital hex", data.hex().upper().encode()
    for offset in range(3):
        # Where it begins inside of a longer text in base64: only the letters that it decides alone are looked for.
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            text = encode(bytes(offset) + data).rstrip(b"=")
            inner = text[(offset * 8 + 5) // 6 : (offset + len(data)) * 8 // 6]
            if len(inner) >= SHORTEST:
                yield name, inner
