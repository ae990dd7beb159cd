"""Disclosures in the manner of RFC 9901: `[salt, name, value]`, whose digests stand in records for personal values.

A salt is derived from the subject's key, so that destroying the key makes every digest of the subject meaningless.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from core.log.errors import DisclosureInvalid
from shared.canonical import Json, NotCanonical, b64url, dumps, loads, unb64url

KEY_SIZE = 32
SALT_SIZE = 16
"""128 bits, as RFC 9901 recommends for the least length of a salt."""

MAX_DISCLOSURE = 1 << 16
_INFO = b"concordat/sd/v1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """A personal value with the salt that opens its digest."""

    salt: bytes
    name: str
    value: Json

    @property
    def encoded(self) -> str:
        """Base64url of the canonical array: the form in which a disclosure travels and is hashed.

        Raises DisclosureInvalid for a value that is too long to be disclosed.
        """
        encoded = b64url(dumps([b64url(self.salt), self.name, self.value]))
        if len(encoded) > MAX_DISCLOSURE:
            raise DisclosureInvalid(f"the value of {self.name} is too long to be disclosed")
        return encoded

    @property
    def digest(self) -> str:
        return digest_of(self.encoded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A record's sealed values: those that its disclosures opened, and the pointers of those that stay closed."""

    opened: Mapping[str, Json]
    redacted: tuple[str, ...]


def digest_of(encoded: str) -> str:
    """Base64url of SHA-256 over the ASCII of an encoded disclosure (RFC 9901)."""
    return b64url(sha256(encoded.encode()).digest())


def hkdf(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 of RFC 5869 without a salt; `length` is in bytes."""
    secret = hmac.digest(bytes(32), key, "sha256")
    output = block = b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(secret, block + info + bytes((counter,)), "sha256")
        output += block
    return output[:length]


def disclosure_salt(key: bytes, origin: str, event_id: str, pointer: str) -> bytes:
    """The salt of the value at a JSON pointer of an event's record; `origin` is that of the event's leading party."""
    if len(key) != KEY_SIZE:
        raise DisclosureInvalid("a subject's key is 32 bytes long")
    return hkdf(key, _INFO + "\0".join((origin, event_id, pointer)).encode(), SALT_SIZE)


def disclose(*, key: bytes, origin: str, event_id: str, pointer: str, value: Json) -> Disclosure:
    """The disclosure of the value at `pointer`, whose last part is its name; the same for all records of the event."""
    salt = disclosure_salt(key, origin, event_id, pointer)
    return Disclosure(salt=salt, name=pointer_name(pointer), value=value)


def parse_disclosure(encoded: str) -> Disclosure:
    """Raises DisclosureInvalid for all but what `Disclosure.encoded` wrote."""
    if len(encoded) > MAX_DISCLOSURE:
        raise DisclosureInvalid("too long")
    try:
        match loads(unb64url(encoded)):
            case [str(salt), str(name), value] if len(raw := unb64url(salt)) == SALT_SIZE:
                return Disclosure(salt=raw, name=name, value=value)
    except NotCanonical as error:
        raise DisclosureInvalid("not canonical") from error
    raise DisclosureInvalid("not an array of salt, name and value")


def open_sealed(sealed: Mapping[str, str], disclosures: Iterable[Disclosure]) -> Opening:
    """Matches disclosures with the digests of a record (pointer to digest, each digest once).

    Raises DisclosureInvalid for a disclosure that opens nothing, comes twice, or has another field's name.
    """
    pointers = {digest: pointer for pointer, digest in sealed.items()}
    opened: dict[str, Json] = {}
    for disclosure in disclosures:
        pointer = pointers.get(disclosure.digest)
        if pointer is None:
            raise DisclosureInvalid("opens no value of the record")
        if pointer in opened:
            raise DisclosureInvalid("the same value is opened twice")
        if pointer_name(pointer) != disclosure.name:
            raise DisclosureInvalid("has the name of another field")
        opened[pointer] = disclosure.value
    return Opening(opened=opened, redacted=tuple(pointer for pointer in sealed if pointer not in opened))


def pointer_to(parent: str, part: str | int) -> str:
    """One step down a JSON pointer (RFC 6901)."""
    return f"{parent}/{part if isinstance(part, int) else part.replace('~', '~0').replace('/', '~1')}"


def pointer_name(pointer: str) -> str:
    return pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
