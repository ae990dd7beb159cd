"""A log that is rebuilt from what was published of it: which leaves are found again, and the word that others are lost.

A lost leaf stands in the tree by its commitment alone. The declaration is signed with the log's own key, so that nobody
who can only write to the database can delete a record and call its leaf lost.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar
from uuid import UUID

from core.log.errors import MalformedRecord
from core.log.notes import Sign, VerifierKey, Verify, check_signatures, parse_note, sign_note
from core.log.records import Record
from core.log.trust import KeyRange
from shared.canonical import Json
from shared.events import Event

_HEADER = "concordat/log-rebuilt/v1"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Leaves from `first` to `last`, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def stretches(indices: Iterable[int]) -> tuple[Stretch, ...]:
    """Rising indices as stretches without a gap."""
    found: list[Stretch] = []
    for index in indices:
        extend(found, index)
    return tuple(found)


def extend(found: list[Stretch], index: int) -> None:
    """Adds an index that is higher than all before."""
    if found and found[-1].last + 1 == index:
        found[-1] = Stretch(first=found[-1].first, last=index)
    else:
        found.append(Stretch(first=index, last=index))


def merged(declared: Iterable[Stretch]) -> list[Stretch]:
    """Stretches in whatever order, as rising ones that do not overlap."""
    found: list[Stretch] = []
    for each in sorted(declared, key=lambda one: one.first):
        if found and each.first <= found[-1].last + 1:
            found[-1] = Stretch(first=found[-1].first, last=max(found[-1].last, each.last))
        else:
            found.append(each)
    return found


def within(index: int, declared: Sequence[Stretch]) -> bool:
    """Does one of these merged stretches hold the index?"""
    at = bisect_right(declared, index, key=lambda one: one.first)
    return at > 0 and index <= declared[at - 1].last


def found_again(commitments: Sequence[bytes], waiting: Mapping[bytes, T]) -> list[T | None]:
    """For each published commitment the record that waits under it, each once; None for a leaf that is lost."""
    left = dict(waiting)
    return [left.pop(commitment, None) for commitment in commitments]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRebuilt(Event):
    """After a restore, published leaves came back from `first` to below `size`; the records of `lost` ones did not.

    `declaration` says the same in a note that the log's key signed.
    """

    type: ClassVar[str] = "log.rebuilt"
    club: UUID
    first: int
    size: int
    lost: tuple[Stretch, ...]
    declaration: str

    @property
    def parties(self) -> tuple[UUID, ...]:
        """The club whose log it is."""
        return (self.club,)

    @property
    def about(self) -> tuple[str, UUID, int]:
        """The log, at the size that it was rebuilt to: no aggregate changes."""
        return "log", self.club, self.size


def declare(
    *, club: UUID, origin: str, first: int, size: int, lost: tuple[Stretch, ...], key: VerifierKey, sign: Sign
) -> LogRebuilt:
    """The event of a rebuild, with its declaration signed."""
    note = sign_note(_text(origin, first, size, lost), key, sign)
    return LogRebuilt(club=club, first=first, size=size, lost=lost, declaration=str(note))


def declared_lost(record: Record, keys: Sequence[KeyRange], verify: Verify) -> tuple[Stretch, ...]:
    """The leaves that the record of a rebuild declares lost; raises LogInvalid unless the log's key says the same.

    That is one which was good for the rebuilt size, or came later: whoever rebuilds has the present one.
    """
    first, size = _number(record.object.get("first")), _number(record.object.get("size"))
    lost = tuple(_stretch(each) for each in _list(record.object.get("lost")))
    if any(not first <= each.first <= each.last < size for each in lost):
        raise MalformedRecord("lost leaves that were not rebuilt")
    note = record.object.get("declaration")
    if not isinstance(note, str):
        raise MalformedRecord("no declaration")
    good = [each.key for each in keys if each.until_size is None or size < each.until_size]
    signed = check_signatures(parse_note(note), good, verify)
    if signed.text != _text(record.log, first, size, lost):
        raise MalformedRecord("the declaration says something else")
    return lost


def _text(origin: str, first: int, size: int, lost: tuple[Stretch, ...]) -> str:
    """No checkpoint reads like this: those have three lines, the second of which is a number."""
    lines = [_HEADER, origin, f"{first} {size}", *(f"{each.first} {each.last}" for each in lost)]
    return "".join(f"{line}\n" for line in lines)


def _stretch(value: Json) -> Stretch:
    if not isinstance(value, dict) or value.keys() != {"first", "last"}:
        raise MalformedRecord("not a stretch of leaves")
    return Stretch(first=_number(value["first"]), last=_number(value["last"]))


def _number(value: Json) -> int:
    if type(value) is not int:
        raise MalformedRecord("not a number of leaves")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise MalformedRecord("not a list of stretches")
    return value
