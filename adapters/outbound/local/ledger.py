"""The embedded ledger: a witness with a key of its own that cosigns only proven extensions, in an append-only file."""

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from adapters.outbound.ed25519 import Signer, verify
from adapters.outbound.local.journal import Journal, LedgerDamaged
from core.log.checkpoints import (
    Checkpoint,
    cosign_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    verify_extension,
)
from core.log.errors import LogInvalid, ProofInvalid, SignatureInvalid
from core.log.evidence import check_evidence, local_evidence
from core.log.notes import Algorithm, VerifierKey, parse_key, parse_note
from core.log.trust import LedgerTrust
from ports.ledger import Anchored, LedgerHead, LedgerRejected, LedgerUnavailable, Submission
from shared.canonical import Json
from shared.clock import Now

WITNESS_NAME = "local-witness"

Answer = Anchored | LedgerRejected
T = TypeVar("T")

_Fresh = dict[tuple[str, int], tuple[Checkpoint, str]]
"""What a batch adds, in order: (origin, size) to the checkpoint and its signed note."""


@dataclass(slots=True)
class _Log:
    """An origin with its key, its newest checkpoint, and where in the file each size stands."""

    key: VerifierKey
    head: Checkpoint | None = None
    sizes: "array[int]" = field(default_factory=lambda: array("Q"))
    places: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, size: int, place: int) -> None:
        """Raises ValueError unless the sizes rise."""
        if self.sizes and size <= self.sizes[-1]:
            raise ValueError("sizes out of order")
        self.sizes.append(size)
        self.places.append(place)

    def place_of(self, size: int) -> int | None:
        at = bisect_left(self.sizes, size)
        return self.places[at] if at < len(self.sizes) and self.sizes[at] == size else None


class LocalLedger:
    """Implements ports.ledger.Ledger. `seed` is the witness's private key (32 bytes), `name` its name in cosignatures.

    Whoever first registers or submits holds the ledger until `close`; `hold` does so at once. Everything else only
    reads, and may be done beside the worker that holds it.
    """

    def __init__(self, folder: Path, seed: bytes, now: Now, *, name: str = WITNESS_NAME) -> None:
        self._sign = Signer(seed)
        self._witness = VerifierKey(name=name, public=self._sign.key, algorithm=Algorithm.COSIGNATURE)
        self._trust = LedgerTrust(witnesses=(self._witness,))
        self._now = now
        self._journal = Journal(folder)
        self._logs: dict[str, _Log] = {}
        self._grown: set[str] = set()
        self._alone = Lock()
        self._damage: LedgerDamaged | None = None

    async def head(self, origin: str) -> LedgerHead | None:
        return await self._reading(lambda: self._head(origin))

    async def origins(self) -> Sequence[str]:
        return await self._reading(lambda: sorted(self._logs))

    async def register(self, origin: str, verifier_key: str) -> None:
        await self._writing(lambda: self._register(origin, verifier_key))

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Answer]:
        return await self._writing(lambda: self._submit(submissions))

    async def evidence(self, origin: str, size: int) -> dict[str, object] | None:
        return await self._reading(lambda: self._evidence(origin, size))

    async def trust(self) -> dict[str, object]:
        return {**self._trust.to_json()}

    async def check(self) -> None:
        await self._reading(lambda: None)

    async def hold(self) -> None:
        """Be the one worker; raises LedgerUnavailable when there is another, and says what to do."""
        await self._writing(lambda: None)

    def close(self) -> None:
        """Let another worker have it."""
        with self._alone:
            self._journal.close()

    async def _reading(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(self._locked, work)

    async def _writing(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(self._locked, work, writing=True)

    def _locked(self, work: Callable[[], T], *, writing: bool = False) -> T:
        with self._alone, _answering(self._journal.path):
            if self._damage is not None:
                raise self._damage
            try:
                if writing:
                    self._journal.hold()
                self._refresh()
                if writing:
                    self._journal.open()
                return work()
            except LedgerDamaged as damage:
                # What was read before the damage is no state to go on from.
                self._damage = damage
                raise

    def _refresh(self) -> None:
        """Take in what was appended since, by this process or the one that holds the ledger."""
        if self._journal.shrunk():
            raise self._damaged("", "the file has become shorter")
        for place, entry in self._journal.new_entries():
            try:
                self._grown.add(self._take_in(place, entry))
            except (LookupError, TypeError, ValueError, OverflowError, LogInvalid) as error:
                raise self._damaged("", "an entry of another kind") from error
        for origin in sorted(self._grown):
            self._check_head(origin)
            self._grown.discard(origin)

    def _take_in(self, place: int, entry: Any) -> str:
        origin = str(entry["origin"])
        if "key" in entry:
            key = parse_key(entry["key"])
            if key.name != origin or origin in self._logs:
                raise ValueError("a key of another log, or a second one")
            self._logs[origin] = _Log(key=key)
        else:
            self._logs[origin].add(entry["size"], place)
        return origin

    def _check_head(self, origin: str) -> None:
        """The newest checkpoint decides what is accepted next, so that its signatures are checked at every start."""
        log = self._logs[origin]
        if log.sizes:
            log.head = self._checkpoint(origin, log, log.places[-1])

    def _checkpoint(self, origin: str, log: _Log, place: int) -> Checkpoint:
        """The checkpoint at `place`, with its own key's signature and the witness's cosignature checked."""
        try:
            entry = self._journal.entry_at(place)
            checkpoint = open_checkpoint(entry["checkpoint"], [log.key], verify).checkpoint
            check_evidence(local_evidence(entry["cosigned"]), checkpoint, self._trust, verify)
            if (checkpoint.origin, checkpoint.size) != (origin, entry["size"]):
                raise self._damaged(origin, "a checkpoint of another log or size")
        except (LookupError, TypeError, ValueError, AttributeError, LogInvalid) as error:
            raise self._damaged(origin, "a checkpoint that does not verify") from error
        return checkpoint

    def _head(self, origin: str) -> LedgerHead | None:
        log = self._logs.get(origin)
        if log is None or log.head is None:
            return None
        return LedgerHead(size=log.head.size, root=log.head.root, key=str(log.key))

    def _evidence(self, origin: str, size: int) -> dict[str, object] | None:
        log = self._logs.get(origin)
        place = None if log is None else log.place_of(size)
        if log is None or place is None:
            return None
        self._checkpoint(origin, log, place)
        return {**local_evidence(self._journal.entry_at(place)["cosigned"])}

    def _register(self, origin: str, verifier_key: str) -> None:
        known = self._logs.get(origin)
        if known is not None:
            if str(known.key) != verifier_key:
                raise _rejected("other-key", origin, known.head)
            return
        try:
            key = parse_key(verifier_key)
        except LogInvalid as error:
            raise _rejected("malformed", origin, None) from error
        if key.name != origin or key.algorithm is not Algorithm.ED25519:
            raise _rejected("malformed", origin, None)
        self._journal.append([{"origin": origin, "key": verifier_key}])
        self._logs[origin] = _Log(key=key)

    def _submit(self, submissions: Sequence[Submission]) -> list[Answer]:
        """Decides the whole batch, each on what the ones before it left, and then writes it at once."""
        fresh: _Fresh = {}
        answers = [self._answer(submission, fresh) for submission in submissions]
        if fresh:
            entries = [self._entry(checkpoint, note) for checkpoint, note in fresh.values()]
            for place, (checkpoint, _note) in zip(self._journal.append(entries), fresh.values(), strict=True):
                log = self._logs[checkpoint.origin]
                log.add(checkpoint.size, place)
                log.head = checkpoint
        return answers

    def _answer(self, submission: Submission, fresh: _Fresh) -> Answer:
        try:
            checkpoint = self._opened(submission)
            origin, size = checkpoint.origin, checkpoint.size
            newest = max((staged for name, staged in fresh if name == origin), default=None)
            head = self._logs[origin].head if newest is None else fresh[origin, newest][0]
            if head is not None and size <= head.size:
                _require_held(self._held(origin, size, fresh), checkpoint, head)
            else:
                _require_extension(submission, checkpoint, head)
                fresh[origin, size] = checkpoint, submission.checkpoint
        except LedgerRejected as rejected:
            return rejected
        return Anchored(origin=origin, size=size)

    def _opened(self, submission: Submission) -> Checkpoint:
        try:
            origin = parse_checkpoint(parse_note(submission.checkpoint).text).origin
        except LogInvalid as error:
            raise _rejected("malformed", None, None) from error
        log = self._logs.get(origin)
        if log is None:
            raise _rejected("unknown-origin", origin, None)
        try:
            return open_checkpoint(submission.checkpoint, [log.key], verify).checkpoint
        except SignatureInvalid as error:
            raise _rejected("bad-signature", origin, log.head) from error

    def _held(self, origin: str, size: int, fresh: _Fresh) -> Checkpoint | None:
        if (origin, size) in fresh:
            return fresh[origin, size][0]
        log = self._logs[origin]
        place = log.place_of(size)
        return None if place is None else self._checkpoint(origin, log, place)

    def _entry(self, checkpoint: Checkpoint, note: str) -> dict[str, Json]:
        cosigned = cosign_checkpoint(checkpoint, self._witness, self._sign, time=int(self._now().timestamp()))
        return {"origin": checkpoint.origin, "size": checkpoint.size, "checkpoint": note, "cosigned": cosigned}

    def _damaged(self, origin: str, reason: str) -> LedgerDamaged:
        remedy = "restore the file from a copy, and the witness's seed that it was written with; nothing was changed"
        return LedgerDamaged(path=str(self._journal.path), origin=origin, reason=reason, remedy=remedy)


def _require_held(held: Checkpoint | None, checkpoint: Checkpoint, head: Checkpoint) -> None:
    """Raises LedgerRejected unless the very same checkpoint is held: then sending it again is harmless."""
    if held is None:
        raise _rejected("stale", checkpoint.origin, head)
    if held.root != checkpoint.root:
        raise _rejected("fork", checkpoint.origin, head)


def _require_extension(submission: Submission, checkpoint: Checkpoint, head: Checkpoint | None) -> None:
    if submission.old_size != (0 if head is None else head.size):
        raise _rejected("wrong-old-size", checkpoint.origin, head)
    try:
        verify_extension(head, checkpoint, submission.proof)
    except ProofInvalid as error:
        raise _rejected("bad-proof", checkpoint.origin, head) from error


def _rejected(reason: str, origin: str | None, head: Checkpoint | None) -> LedgerRejected:
    return LedgerRejected(reason=reason, origin=origin, stored_size=0 if head is None else head.size)


@contextmanager
def _answering(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LedgerUnavailable(path=str(path), reason=reason, remedy="mend the folder; a retry is safe") from error
