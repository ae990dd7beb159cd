"""Reading what the contract is called with, within its limits: whatever is wrong is refused with a fixed sentence."""

import re
from dataclasses import dataclass

from core.log.errors import LogInvalid
from core.log.merkle import HASH_SIZE, MAX_SIZE
from core.log.origins import parse_origin
from core.log.witness import malformed
from shared.canonical import Json, NotCanonical, loads, unb64url

LARGEST_ARGUMENT = 1_000_000
LARGEST_NOTE = 8_000
MOST_ITEMS = 100
MOST_HASHES = 64
MOST_ORIGINS = 500
LONGEST_NAME = 100

LIMITS = {
    "bytes of one argument": LARGEST_ARGUMENT,
    "characters of a signed checkpoint": LARGEST_NOTE,
    "items of one Anchor": MOST_ITEMS,
    "hashes of one proof": MOST_HASHES,
    "names in one answer of Origins": MOST_ORIGINS,
    "visible ASCII characters of an organisation's MSP id": LONGEST_NAME,
}

_COUNT = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_PERIOD = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}", re.ASCII)
_ORGANISATION = re.compile(r"[!-~]+")
"""Fabric wants an MSP id not to be empty, and its language of policies can name those of letters, digits, dots and
hyphens alone. What is visible beyond ASCII differs between versions of Python, and peers have to agree."""

_ITEM = {"note", "old_size", "proof"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One checkpoint to be anchored: a signed note, and the consistency proof from `old_size`."""

    note: str
    old_size: int
    proof: tuple[bytes, ...]


def text_of(argument: bytes, name: str) -> str:
    """The argument called `name` as text; raises LedgerRejected (malformed), as everything here does."""
    if len(argument) > LARGEST_ARGUMENT:
        raise malformed(f"{name} is longer than {LARGEST_ARGUMENT} bytes")
    try:
        return argument.decode()
    except UnicodeDecodeError as error:
        raise malformed(f"{name} is not UTF-8") from error


def note_of(text: str, name: str) -> str:
    if len(text) > LARGEST_NOTE:
        raise malformed(f"{name} is longer than {LARGEST_NOTE} characters")
    return text


def origin_of(text: str) -> str:
    try:
        parse_origin(text)
    except LogInvalid as error:
        raise malformed(f"origin: {error.reason}") from error
    return text


def size_of(text: str) -> int:
    if _COUNT.fullmatch(text) is None or int(text) > MAX_SIZE:
        raise malformed("size is not a decimal number below 2^53")
    return int(text)


def period_of(text: str) -> str:
    if _PERIOD.fullmatch(text) is None:
        raise malformed("period is not 1 to 32 of a to z, 0 to 9, dot and hyphen")
    return text


def organisation_of(text: str, name: str) -> str:
    if len(text) > LONGEST_NAME or _ORGANISATION.fullmatch(text) is None:
        raise malformed(f"{name} is not an MSP id of 1 to {LONGEST_NAME} visible ASCII characters")
    return text


def bytes_of(text: str, name: str, size: int = HASH_SIZE) -> bytes:
    """So many bytes, out of base64url without padding."""
    data = _decoded(text, name)
    if len(data) != size:
        raise malformed(f"{name} is not {size} bytes")
    return data


def proof_of(text: str) -> tuple[bytes, ...]:
    return _hashes(_array(text, "proof"))


def items_of(text: str) -> list[Json]:
    """The items of an Anchor, none of them read yet."""
    items = _array(text, "items")
    if len(items) > MOST_ITEMS:
        raise malformed(f"more than {MOST_ITEMS} items")
    return items


def item_of(value: Json) -> Item:
    """Raises LedgerRejected for this item alone."""
    if not isinstance(value, dict) or value.keys() != _ITEM:
        raise malformed("an item is not an object of note, old_size and proof")
    note, old_size, proof = value["note"], value["old_size"], value["proof"]
    if not isinstance(note, str) or not isinstance(proof, list):
        raise malformed("note is not text, or proof is not an array")
    if type(old_size) is not int or old_size < 0:
        raise malformed("old_size is not a count")
    return Item(note=note_of(note, "note"), old_size=old_size, proof=_hashes(proof))


def _hashes(values: list[Json]) -> tuple[bytes, ...]:
    if len(values) > MOST_HASHES:
        raise malformed(f"a proof of more than {MOST_HASHES} hashes")
    # How long a hash is, the proof's own checks know.
    return tuple(_decoded(value, "a hash") for value in values)


def _decoded(value: Json, name: str) -> bytes:
    if not isinstance(value, str) or not value.isascii():
        raise malformed(f"{name} is not base64url without padding")
    try:
        return unb64url(value)
    except NotCanonical as error:
        raise malformed(f"{name} is not base64url without padding") from error


def _array(text: str, name: str) -> list[Json]:
    try:
        value = loads(text.encode())
    except NotCanonical as error:
        raise malformed(f"{name} is not canonical JSON") from error
    if not isinstance(value, list):
        raise malformed(f"{name} is not an array")
    return value
