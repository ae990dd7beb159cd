"""Disclosures against the digests of their record: what opens, what does not, and what is no longer there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from core.log.audit.findings import Code
from core.log.audit.rows import DisclosureRow, SubjectRow
from core.log.disclosures import KEY_SIZE, digest_of, disclosure_salt, pointer_name
from shared.canonical import NotCanonical, b64url, dumps


class Flaw(NamedTuple):
    """What is wrong with the disclosure at `pointer`, which is one of `subject`."""

    code: Code
    pointer: str
    subject: str | None
    field: str | None
    detail: str


class Sealing(NamedTuple):
    """The sealed values of one record: digests and subjects by pointer, and the origin under which they are salted."""

    origin: str | None
    digests: Mapping[str, str]
    owners: Mapping[str, str | None]


def opening_flaws(
    sealing: Sealing, rows: Sequence[DisclosureRow], subjects: Mapping[str, SubjectRow]
) -> Iterator[Flaw]:
    """What does not match among the stored disclosures of one record; missing ones may have been erased."""
    stored = {row.pointer: row for row in rows}
    for pointer, digest in sealing.digests.items():
        row = stored.pop(pointer, None)
        owner = sealing.owners.get(pointer)
        if row is None:
            yield Flaw(Code.DISCLOSURE_MISSING, pointer, owner, None, "the value is gone")
        else:
            yield from _row_flaws(sealing, row, owner, digest, subjects)
    for row in stored.values():
        yield Flaw(Code.DISCLOSURE_STRAY, f"{row.pointer!s}", None, "pointer", "the record has no sealed value there")


def opens(key: object, origin: str | None, row: DisclosureRow, digest: str) -> bool:
    """Does the stored value, under this key, give the digest? It is canonical text, and hashed as it stands."""
    if not (isinstance(key, bytes) and len(key) == KEY_SIZE and isinstance(row.value, str) and origin is not None):
        return False
    pointer = str(row.pointer)
    salt = disclosure_salt(key, origin, str(row.event_id), pointer)
    try:
        value = row.value.encode()
    except UnicodeEncodeError:
        return False
    encoded = b'["%s",%s,%s]' % (b64url(salt).encode(), dumps(pointer_name(pointer)), value)
    return digest_of(b64url(encoded)) == digest


def _row_flaws(
    sealing: Sealing, row: DisclosureRow, owner: str | None, digest: str, subjects: Mapping[str, SubjectRow]
) -> Iterator[Flaw]:
    pointer = str(row.pointer)
    if owner is not None and row.subject != owner:
        yield Flaw(Code.DISCLOSURE_MISMATCH, pointer, owner, "subject", "the value is another subject's")
    if row.name != _name(pointer):
        yield Flaw(Code.DISCLOSURE_MISMATCH, pointer, owner, "name", "not the name of the field")
    subject = subjects.get(owner or str(row.subject))
    if subject is None:
        yield Flaw(Code.SUBJECT_MISSING, pointer, owner or str(row.subject), None, "the value is left without its key")
        return
    if row.subject_club != subject.club:
        yield Flaw(
            Code.DISCLOSURE_MISMATCH, pointer, owner, "subject_club", "not the club that holds the subject's key"
        )
    if not opens(subject.key, sealing.origin, row, digest):
        yield Flaw(Code.DISCLOSURE_MISMATCH, pointer, owner, "value", "it does not open the digest of the record")


def _name(pointer: str) -> str | None:
    try:
        return pointer_name(pointer)
    except NotCanonical:
        return None
