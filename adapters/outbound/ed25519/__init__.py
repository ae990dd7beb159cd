"""Ed25519 signatures: the one place that checks and makes them for everything that the logs sign."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SEED_SIZE = 32


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Does `signature` (64 bytes) over `message` belong to the public `key` (32 bytes)? Malformed ones do not."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class Signer:
    """Signs with the private key of a 32-byte seed; raises ValueError for a seed of another length."""

    __slots__ = ("_private", "key")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_SIZE:
            # The library's own message would do, were it certain never to quote the value.
            raise ValueError(f"a seed is {SEED_SIZE} bytes long")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = self._private.public_key().public_bytes_raw()
        """The public key, 32 bytes."""

    def __call__(self, message: bytes) -> bytes:
        """The signature over `message`, 64 bytes."""
        return self._private.sign(message)
