"""C2SP tlog-proof: an inclusion proof with its checkpoint and opaque extra data, as text that verifies offline."""

import re
from dataclasses import dataclass, replace

from core.log.errors import MalformedNote, MalformedProof
from core.log.merkle import HASH_SIZE
from core.log.notes import MAX_NOTE, decode64, encode64, parse_note

HEADER = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 63
MAX_PROOF = 8 << 20
_EXTRA = "extra "
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """A proof as it was read, nothing of it checked; `note` is the checkpoint verbatim.

    `extra` is authenticated by nobody; None means that there is no such line.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: str
    extra: bytes | None = None

    def __str__(self) -> str:
        extra = () if self.extra is None else (_EXTRA + encode64(self.extra),)
        return "\n".join((HEADER, *extra, f"index {self.index}", *map(encode64, self.hashes), "", self.note))

    def bare(self) -> "LogProof":
        """The same without extra data."""
        return replace(self, extra=None)


def parse_proof(text: str) -> LogProof:
    """Raises MalformedProof for every text that is not exactly what a proof's own `str` would be."""
    head, blank, note = text.partition("\n\n")
    header, *lines = head.split("\n")
    if header != HEADER:
        raise MalformedProof(f"the first line is not {HEADER}")
    if len(text) > MAX_PROOF or len(note) > MAX_NOTE or not blank:
        raise MalformedProof("too long, or without a checkpoint after an empty line")
    try:
        extra = decode64(lines.pop(0)[len(_EXTRA) :]) if lines and lines[0].startswith(_EXTRA) else None
        index = _INDEX.fullmatch(lines[0]) if lines else None
        if index is None or len(lines) > MAX_HASHES + 1:
            raise MalformedProof("no index line, or too many hashes")
        hashes = tuple(map(decode64, lines[1:]))
        parse_note(note)
    except MalformedNote as error:
        raise MalformedProof(error.reason) from error
    if any(len(each) != HASH_SIZE for each in hashes):
        raise MalformedProof("a hash is not 32 bytes long")
    return LogProof(index=int(index[1]), hashes=hashes, note=note, extra=extra)
