"""The club's verifiable log as it is stored: pending records, leaves, tiles, head, checkpoints and anchors.

Everything here is one club's, the transaction's own. Formats are those of `core.log`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.log.policy import Policy
from ports.bus import Message
from ports.unit_of_work import Tx
from shared.canonical import Json
from shared.errors import Conflict, NotFound, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryEntry:
    """What every club of the network may know of another."""

    club: UUID
    origin: str
    name: str
    zone: str
    latitude_microdegrees: int
    longitude_microdegrees: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHead:
    """How far the log has grown: `size` leaves under `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """A key of the log (`name+hash+base64`), good for sizes from `from_size` to below `until_size` (None: open)."""

    verifier_key: str
    from_size: int
    until_size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """A checkpoint that the log's key signed: the signed note as text."""

    size: int
    note: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnchor:
    """A checkpoint that the ledger holds, with the ledger's evidence as canonical JSON."""

    size: int
    evidence: dict[str, Json]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCosignature:
    """A witness's signature line over the checkpoint of `size` leaves, checked; `witness` is its verifier key."""

    size: int
    witness: str
    line: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record in this club's log: the exact bytes, their salt (32 bytes), the leaf's index (None until integrated).

    `leading_origin` is the origin under which the event's disclosures are salted, in whichever log the record stands.
    """

    event_id: UUID
    leading_origin: str
    data: bytes
    salt: bytes
    commitment: bytes
    index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDisclosure:
    """A personal value of a record, at its JSON pointer; the salt is derived from the subject's key, never stored."""

    pointer: str
    name: str
    value: Json
    subject: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Work for a consumer: an event that it has not handled, in the order of `sequence`."""

    sequence: int
    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many rows are pending for a consumer, and since when the oldest of them is."""

    rows: int
    since: datetime


class LogMoved(Conflict):
    """Another worker grew the log meanwhile; nothing was written."""

    code = "log/moved"
    title = "The log has grown meanwhile."


class RecordMissing(NotFound):
    """No record of such an event in this club's log."""

    code = "log/no-record"
    title = "There is no such record in this club's log."


class NotYetSigned(Unavailable):
    """No signed checkpoint covers the leaf yet. Parameters: event_id, commitment."""

    code = "log/not-yet-signed"
    title = "No signed checkpoint covers this record yet."


class Log(Protocol):
    """One club's log inside a transaction."""

    async def lock(self, consumer: str) -> bool:
        """Take the lock of (consumer, club) until the transaction ends; False when another worker has it."""

    async def take(self, consumer: str, limit: int) -> Sequence[Pending]:
        """The consumer's oldest pending rows, at most `limit`, in order."""

    async def drop(self, consumer: str, taken: Sequence[Pending]) -> None:
        """Delete pending rows: done in the transaction of their effect."""

    async def ask(self, consumer: str) -> None:
        """Put a pending row that belongs to no event: a wish."""

    async def commitments(self, events: Sequence[UUID]) -> Mapping[UUID, bytes]:
        """Commitments of the club's records of these events."""

    async def messages(self, events: Sequence[UUID]) -> Mapping[UUID, Message]:
        """These events as the bus carries them."""

    async def waiting(self, commitments: Sequence[bytes]) -> Mapping[bytes, Pending]:
        """Of these commitments, those whose record waits for its leaf, each with its pending row."""

    async def head(self) -> LogHead:
        """The integrated head; size 0 and the empty root before the first leaf."""

    async def tiles(self, wanted: Iterable[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """Hashes (32 bytes each) of the tiles (level, index) that exist, as wide as they are now."""

    async def grow(
        self, old: LogHead, new: LogHead, tiles: Mapping[tuple[int, int], bytes], entries: Sequence[UUID | bytes]
    ) -> None:
        """Append one leaf per entry, in order, by compare-and-swap on `old.size`; raises LogMoved.

        An entry is the event whose record the leaf commits to or, where that record is lost, the bare commitment.
        """

    async def entries(self, start: int, end: int) -> Sequence[bytes]:
        """The commitments of leaves start <= index < end, in order, those of lost ones too."""

    async def keys(self) -> Sequence[LogKey]:
        """The log's keys, oldest first."""

    async def add_key(self, key: LogKey) -> None:
        """Publish a key, and end the open range before it where this one begins; again is a no-op."""

    async def checkpoint(self, at_least: int = 0) -> StoredCheckpoint | None:
        """The newest signed checkpoint, when it covers `at_least` leaves."""

    async def add_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        """Keep a signed checkpoint; the same size again is a no-op."""

    async def checkpoint_of(self, size: int) -> StoredCheckpoint | None:
        """The checkpoint of exactly this size."""

    async def anchor(self, at_least: int = 0) -> StoredAnchor | None:
        """The smallest anchored checkpoint that covers `at_least` leaves; with 0 the newest."""

    async def add_anchor(self, anchor: StoredAnchor) -> None:
        """Keep the ledger's evidence; the same size again is a no-op."""

    async def cosignatures(self, size: int) -> Sequence[StoredCosignature]:
        """Of the checkpoint of exactly this size, by witness."""

    async def witnessed(self, at_least: int, policy: Policy, *, anchored: bool) -> int | None:
        """The smallest checkpoint that covers `at_least` leaves and that a quorum of the policy cosigned.

        With `anchored`, the smallest of those that the ledger holds as well. None where there is none; a policy without
        a quorum asks for nothing, and has none.
        """

    async def cosigned(self, witness: str) -> int:
        """The size of the largest checkpoint that this witness (verifier key) cosigned, 0 before the first."""

    async def add_cosignature(self, cosignature: StoredCosignature) -> None:
        """Keep a cosignature of a checkpoint that is stored; the first of a witness for a size stays."""

    async def record(self, event_id: UUID) -> StoredRecord:
        """The club's record of this event; raises RecordMissing."""

    async def disclosures(self, event_id: UUID) -> Sequence[StoredDisclosure]:
        """What is left of the record's personal values."""

    async def subject_key(self, subject: UUID) -> bytes | None:
        """The key of a subject that this club may read; None once erased."""


class LogTx(Tx, Protocol):
    """A transaction over one club's log."""

    @property
    def log(self) -> Log: ...


class Backlog(Protocol):
    """What a worker may know across clubs: who has work, and which logs there are. No club's data."""

    async def clubs_with_work(self, consumer: str) -> Sequence[UUID]:
        """Clubs that have pending rows for this consumer."""

    async def waiting(self) -> Mapping[str, Waiting]:
        """What is pending, by consumer; a consumer with nothing to do is not in it."""

    async def directory(self) -> Sequence[DirectoryEntry]:
        """Every club of the network, in order of id."""

    async def keys(self) -> Mapping[str, Sequence[LogKey]]:
        """The keys of every log that has one, oldest first, by the origin that the directory has: public facts."""

    async def entry(self, origin: str) -> DirectoryEntry:
        """The club whose log has this origin; raises Missing."""


class Publication(Protocol):
    """Where checkpoint, tiles and entry bundles are published, outside the database, as tlog-tiles lays them out.

    `path` is relative to the log (`checkpoint`, `tile/0/000`, `tile/entries/000.p/7`). MUST write so that a reader
    sees either the old bytes or the new ones, and MUST be durable when it returns. A tile or bundle that the published
    checkpoint covers MUST NOT change at the same width: other bytes for it are a Conflict. One that is wider than the
    checkpoint has it MUST give way to other bytes: a crash may have left it there before its own checkpoint.
    """

    async def put(self, origin: str, path: str, data: bytes) -> None: ...

    async def get(self, origin: str, path: str) -> bytes | None: ...

    async def origins(self) -> Sequence[str]:
        """The logs of which a checkpoint was published, in order."""

    async def check(self) -> None:
        """Raises Unavailable when nothing can be published here: it MUST try to write, and leave nothing behind."""
