"""C2SP signed notes and verifier keys: parse, serialise, sign and open, for plain and timestamped Ed25519."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from core.log.errors import MalformedKey, MalformedNote, SignatureInvalid

MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
PUBLIC_KEY_SIZE = 32
SIGNATURE_SIZE = 64
KEY_ID_SIZE = 4
TIME_SIZE = 8
MAX_TIME = (1 << 63) - 1

Verify = Callable[[bytes, bytes, bytes], bool]
"""Says whether (public key, message, signature) is a good Ed25519 signature; never raises."""

Sign = Callable[[bytes], bytes]
"""Gives the Ed25519 signature of a message, 64 bytes."""

_DASH = "\u2014 "
_KEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)")
# White space is named one by one: what a pattern's class takes for it is the affair of the Python that it runs on, and
# every peer of a consortium has to read the same.
_NAME = re.compile(r"[^\x00-\x20+\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]{1,255}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class Algorithm(IntEnum):
    """The signature types that are supported, by the byte that signed-note assigns them."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A public key with its name, as `<name>+<key id in hex>+<base64 of algorithm and key>`."""

    name: str
    public: bytes
    algorithm: Algorithm = Algorithm.ED25519

    def __post_init__(self) -> None:
        if not is_name(self.name) or len(self.public) != PUBLIC_KEY_SIZE:
            raise MalformedKey("a key has a name without spaces or plus signs, and 32 bytes")

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes((self.algorithm,)) + self.public).digest()[:KEY_ID_SIZE]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encode64(bytes((self.algorithm,)) + self.public)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature line: who is said to have signed, and what stands after the key id."""

    name: str
    key_id: bytes
    data: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {encode64(self.key_id + self.data)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text, which ends in a newline, and its signatures, none of them checked."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return "\n".join((self.text, "".join(map(str, self.signatures))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signature that was checked; `time` (POSIX seconds) is what a timestamped one says, else None."""

    key: VerifierKey
    time: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNote:
    """A note with the good signatures of known keys, at least one, and those of keys that nobody here knows."""

    text: str
    signed: tuple[Signed, ...]
    unknown: tuple[Signature, ...]


def parse_key(text: str) -> VerifierKey:
    """The verifier key that `text` spells; raises MalformedKey, also when its key id is not its own."""
    match = _KEY.fullmatch(text) if len(text) <= MAX_NOTE else None
    if match is None:
        raise MalformedKey("not <name>+<id>+<key>")
    data = decode64(match[3], MalformedKey)
    try:
        key = VerifierKey(name=match[1], algorithm=Algorithm(data[0]), public=data[1:])
    except ValueError as error:
        raise MalformedKey("an algorithm that is not supported") from error
    if str(key) != text:
        raise MalformedKey("the id is not that of the key")
    return key


def parse_note(note: str) -> Note:
    """Raises MalformedNote for anything but a text and one or more signature lines within the limits."""
    _check_text(note)
    head, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise MalformedNote("no signature lines after an empty line")
    signatures = lines[:-1].split("\n")
    if len(signatures) > MAX_SIGNATURES:
        raise MalformedNote("too many signatures")
    return Note(text=head + "\n", signatures=tuple(map(_signature, signatures)))


def sign_note(text: str, key: VerifierKey, sign: Sign, *, time: int | None = None) -> Note:
    """A note with one signature; `time` in POSIX seconds goes with a key of the timestamped kind, and only with it."""
    _check_text(text)
    if not text.endswith("\n"):
        raise MalformedNote("the text does not end in a newline")
    if (time is None) is (key.algorithm is Algorithm.COSIGNATURE) or not 0 <= (time or 0) <= MAX_TIME:
        raise MalformedNote("a cosignature, and nothing else, has a time")
    stamp = b"" if time is None else time.to_bytes(TIME_SIZE)
    signature = Signature(name=key.name, key_id=key.id, data=stamp + sign(_message(text, time)))
    return parse_note(str(Note(text=text, signatures=(signature,))))


def open_note(note: str, keys: Iterable[VerifierKey], verify: Verify) -> OpenNote:
    """Checks every signature of a known key; raises SignatureInvalid when one is bad or there is none.

    Signatures of unknown keys are set apart, as signed-note asks.
    """
    return check_signatures(parse_note(note), keys, verify)


def check_signatures(note: Note, keys: Iterable[VerifierKey], verify: Verify) -> OpenNote:
    """`open_note` for a note that was parsed before."""
    known = {(key.name, key.id): key for key in keys}
    signed: list[Signed] = []
    unknown: list[Signature] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            unknown.append(signature)
        else:
            signed.append(_check(note.text, signature, key, verify))
    if not signed:
        raise SignatureInvalid("no signature of a known key")
    return OpenNote(text=note.text, signed=tuple(signed), unknown=tuple(unknown))


def join_notes(note: str, *others: str) -> str:
    """The note with the signature lines of other notes of the same text added, each line once."""
    notes = [parse_note(text) for text in (note, *others)]
    if any(other.text != notes[0].text for other in notes):
        raise MalformedNote("notes of different texts")
    signatures = dict.fromkeys(signature for each in notes for signature in each.signatures)
    return str(parse_note(str(Note(text=notes[0].text, signatures=tuple(signatures)))))


def encode64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648, section 4)."""
    return b64encode(data).decode()


def decode64(text: str, refusal: type[MalformedNote] | type[MalformedKey] = MalformedNote) -> bytes:
    """What `encode64` wrote; raises `refusal` for every other spelling."""
    try:
        data = b64decode(text, validate=True)
    except ValueError as error:
        raise refusal("not base64") from error
    if not data or encode64(data) != text:
        raise refusal("not base64 in its one spelling")
    return data


def _check_text(text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise MalformedNote("not UTF-8") from error
    if size > MAX_NOTE or _CONTROL.search(text):
        raise MalformedNote("too long, or with control characters")


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not is_name(name):
        raise MalformedNote("not a signature line")
    data = decode64(encoded)
    if len(data) <= KEY_ID_SIZE:
        raise MalformedNote("a signature without content")
    return Signature(name=name, key_id=data[:KEY_ID_SIZE], data=data[KEY_ID_SIZE:])


def _check(text: str, signature: Signature, key: VerifierKey, verify: Verify) -> Signed:
    time = None
    data = signature.data
    if key.algorithm is Algorithm.COSIGNATURE:
        time, data = int.from_bytes(data[:TIME_SIZE]), data[TIME_SIZE:]
        if time > MAX_TIME:
            raise SignatureInvalid("a time out of range")
    if len(data) != SIGNATURE_SIZE or not verify(key.public, _message(text, time), data):
        raise SignatureInvalid(f"the signature of {key.name} is bad")
    return Signed(key=key, time=time)


def _message(text: str, time: int | None) -> bytes:
    """What is signed: the text itself, or the statement of tlog-cosignature about it."""
    return (text if time is None else f"cosignature/v1\ntime {time}\n{text}").encode()


def is_name(text: str) -> bool:
    """Whether a key may be called so."""
    return _NAME.fullmatch(text) is not None
