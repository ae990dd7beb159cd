"""The checker of leaks finds a planted one, however it is spelt."""

import base64
from hashlib import sha256
from uuid import UUID

import pytest

from tests.support.leaks import Secret, leaks

HASH = sha256(b"a visit").digest()
ID = UUID("0197a3c2-5b1e-7c44-9d0a-3f6e2b8c1d55")
NOISE = sha256(b"noise").digest() * 40

PLANTED: dict[str, tuple[Secret, bytes]] = {
    "raw": (HASH, HASH),
    "hex": (HASH, HASH.hex().encode()),
    "capital hex": (HASH, HASH.hex().upper().encode()),
    "base64": (HASH, base64.b64encode(HASH)),
    "base64url": (HASH, base64.urlsafe_b64encode(HASH).rstrip(b"=")),
    "inside of base64, one byte behind": (HASH, base64.b64encode(b"x" + HASH + b"yz")),
    "inside of base64, two bytes behind": (HASH, base64.b64encode(b"xy" + HASH + b"z")),
    "inside of base64url, a byte cut off after it": (HASH, base64.urlsafe_b64encode(b"xyz" + HASH + b"z")),
    "its SHA-256": (HASH, sha256(HASH).digest()),
    "its SHA-256 in hex": (HASH, sha256(HASH).hexdigest().encode()),
    "its Merkle leaf": (HASH, sha256(b"\0" + HASH).digest()),
    "the SHA-256 of its hex": (HASH, sha256(HASH.hex().encode()).digest()),
    "an id": (ID, str(ID).encode()),
    "the bytes of an id": (ID, ID.bytes),
    "an id in base64 JSON": (ID, base64.b64encode(b'{"visit":"' + str(ID).encode() + b'"}')),
    "the hash of an id": (ID, sha256(str(ID).encode()).digest()),
    "a name": ("Harbour", b"the club Harbour of"),
    "a name in base64": ("Harbour", base64.b64encode(b"club Harbour")),
    "the hash of a name": ("Harbour", base64.urlsafe_b64encode(sha256(b"Harbour").digest())),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found_and_nothing_where_nothing_is(name: str) -> None:
    secret, planted = PLANTED[name]
    assert leaks(NOISE, {name: secret}) == []
    for before in range(4):
        readable = NOISE[: 100 + before] + planted + NOISE
        assert leaks(readable, {name: secret}), readable


def test_a_value_that_merely_looks_like_it_is_none() -> None:
    other = bytes([HASH[0] ^ 1]) + HASH[1:-1] + bytes([HASH[-1] ^ 1])
    for spelt in (other, other.hex().encode(), base64.b64encode(other)):
        assert leaks(NOISE + spelt, {"it": HASH}) == []
