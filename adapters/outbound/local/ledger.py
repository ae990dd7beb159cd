"""The embedded ledger: a witness with a key of its own that cosigns only proven extensions, in an append-only file."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adapters.outbound.ed25519 import Signer, verify
from adapters.outbound.local.held import Held
from adapters.outbound.local.journal import Journal
from adapters.outbound.signatures import SIGNATURES
from core.log.checkpoints import Checkpoint, cosign_checkpoint
from core.log.errors import LogInvalid
from core.log.evidence import check_evidence, local_evidence
from core.log.notes import Algorithm, VerifierKey
from core.log.trust import KeyRange, LedgerTrust
from core.log.witness import WitnessedLog, presented, registered, unknown_origin
from ports.ledger import Anchored, LedgerHead, LedgerRejected, Submission
from shared.canonical import Json, b64url, unb64url
from shared.clock import Now

WITNESS_NAME = "local-witness"

Answer = Anchored | LedgerRejected


@dataclass(slots=True)
class _Log:
    """What is known of a log, and where in the file each of its sizes stands."""

    known: WitnessedLog
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


@dataclass(frozen=True, slots=True)
class _Batch:
    """What a batch adds, in order: (origin, size) to the checkpoint and its signed note; and its logs as they are then.

    Nothing of it is true before it is written.
    """

    logs: dict[str, WitnessedLog] = field(default_factory=dict)
    fresh: dict[tuple[str, int], tuple[Checkpoint, str]] = field(default_factory=dict)


class LocalLedger(Held):
    """Implements ports.ledger.Ledger. `seed` is the witness's private key (32 bytes), `name` its name in cosignatures.

    Whoever first registers or submits holds the ledger until `close`; `hold` does so at once. Everything else only
    reads, and may be done beside the worker that holds it.
    """

    def __init__(self, folder: Path, seed: bytes, now: Now, *, name: str = WITNESS_NAME) -> None:
        super().__init__(Journal(folder))
        self._sign = Signer(seed)
        self._witness = VerifierKey(name=name, public=self._sign.key, algorithm=Algorithm.COSIGNATURE)
        self._trust = LedgerTrust(witnesses=(self._witness,))
        self._now = now
        self._logs: dict[str, _Log] = {}
        self._grown: set[str] = set()

    async def head(self, origin: str) -> LedgerHead | None:
        return await self._reading(lambda: self._head(origin))

    async def origins(self) -> Sequence[str]:
        return await self._reading(lambda: sorted(self._logs))

    async def register(self, origin: str, verifier_key: str) -> None:
        await self._writing(lambda: self._register(origin, verifier_key))

    async def keys(self, origin: str) -> Sequence[KeyRange]:
        return await self._reading(lambda: self._keys(origin))

    async def rotate(self, origin: str, size: int, verifier_key: str, signatures: tuple[bytes, bytes]) -> None:
        await self._writing(lambda: self._rotate(origin, size, verifier_key, signatures))

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Answer]:
        return await self._writing(lambda: self._submit(submissions))

    async def evidence(self, origin: str, size: int) -> dict[str, object] | None:
        return await self._reading(lambda: self._evidence(origin, size))

    async def trust(self) -> dict[str, object]:
        return {**self._trust.to_json()}

    async def check(self) -> None:
        await self._reading(lambda: None)

    def _refresh(self) -> None:
        for place, entry in self._journal.new_entries():
            try:
                self._grown.add(self._take_in(place, entry))
            except (LookupError, TypeError, ValueError, OverflowError, LedgerRejected) as error:
                raise self._damaged("", "an entry of another kind") from error
        for origin in sorted(self._grown):
            self._check_head(origin)
            self._grown.discard(origin)

    def _take_in(self, place: int, entry: Any) -> str:
        origin = str(entry["origin"])
        if "from" in entry:
            one, other = map(unb64url, entry["signatures"])
            known = self._logs[origin].known
            self._logs[origin].known = known.rotated(entry["from"], entry["key"], (one, other), verify)
        elif "key" in entry:
            if origin in self._logs:
                raise ValueError("a second key")
            self._logs[origin] = _Log(known=registered(origin, entry["key"]))
        else:
            self._logs[origin].add(entry["size"], place)
        return origin

    def _check_head(self, origin: str) -> None:
        """The newest checkpoint decides what is accepted next, so that its signatures are checked at every start."""
        log = self._logs[origin]
        if log.sizes:
            log.known = replace(log.known, head=self._checkpoint(log, log.places[-1]))

    def _checkpoint(self, log: _Log, place: int) -> Checkpoint:
        """The checkpoint at `place`, with its own key's signature and the witness's cosignature checked."""
        origin = log.known.origin
        try:
            entry = self._journal.entry_at(place)
            checkpoint = log.known.require_signed(presented(entry["checkpoint"]), verify)
            check_evidence(local_evidence(entry["cosigned"]), checkpoint, self._trust, SIGNATURES)
            if (checkpoint.origin, checkpoint.size) != (origin, entry["size"]):
                raise self._damaged(origin, "a checkpoint of another log or size")
        except (LookupError, TypeError, ValueError, AttributeError, LogInvalid, LedgerRejected) as error:
            raise self._damaged(origin, "a checkpoint that does not verify") from error
        return checkpoint

    def _head(self, origin: str) -> LedgerHead | None:
        log = self._logs.get(origin)
        if log is None or log.known.head is None:
            return None
        head = log.known.head
        return LedgerHead(size=head.size, root=head.root)

    def _keys(self, origin: str) -> Sequence[KeyRange]:
        log = self._logs.get(origin)
        return () if log is None else log.known.keys

    def _evidence(self, origin: str, size: int) -> dict[str, object] | None:
        log = self._logs.get(origin)
        place = None if log is None else log.place_of(size)
        if log is None or place is None:
            return None
        self._checkpoint(log, place)
        return {**local_evidence(self._journal.entry_at(place)["cosigned"])}

    def _register(self, origin: str, verifier_key: str) -> None:
        log = self._logs.get(origin)
        if log is not None:
            log.known.require_key(verifier_key)
            return
        known = registered(origin, verifier_key)
        self._journal.append([{"origin": origin, "key": verifier_key}])
        self._logs[origin] = _Log(known=known)

    def _rotate(self, origin: str, size: int, verifier_key: str, signatures: tuple[bytes, bytes]) -> None:
        log = self._logs.get(origin)
        if log is None:
            raise unknown_origin(origin)
        known = log.known.rotated(size, verifier_key, signatures, verify)
        if known != log.known:
            signed: list[Json] = [b64url(each) for each in signatures]
            self._journal.append([{"origin": origin, "from": size, "key": verifier_key, "signatures": signed}])
            log.known = known

    def _submit(self, submissions: Sequence[Submission]) -> list[Answer]:
        """Decides the whole batch, each on what the ones before it left, and then writes it at once."""
        batch = _Batch()
        answers = [self._answer(submission, batch) for submission in submissions]
        if batch.fresh:
            entries = [self._entry(checkpoint, note) for checkpoint, note in batch.fresh.values()]
            for place, (origin, size) in zip(self._journal.append(entries), batch.fresh, strict=True):
                self._logs[origin].add(size, place)
                self._logs[origin].known = batch.logs[origin]
        return answers

    def _answer(self, submission: Submission, batch: _Batch) -> Answer:
        try:
            claim = presented(submission.checkpoint)
            origin, size = claim.checkpoint.origin, claim.checkpoint.size
            if origin not in self._logs:
                raise unknown_origin(origin)
            log = batch.logs.get(origin, self._logs[origin].known)
            checkpoint = log.require_signed(claim, verify)
            if log.has_passed(checkpoint):
                log.require_held(checkpoint, self._held(origin, size, batch))
            else:
                batch.logs[origin] = log.extended(checkpoint, submission.old_size, submission.proof)
                batch.fresh[origin, size] = checkpoint, submission.checkpoint
        except LedgerRejected as rejected:
            return rejected
        return Anchored(origin=origin, size=size)

    def _held(self, origin: str, size: int, batch: _Batch) -> bytes | None:
        """The root that is held at this size."""
        if (origin, size) in batch.fresh:
            return batch.fresh[origin, size][0].root
        log = self._logs[origin]
        place = log.place_of(size)
        return None if place is None else self._checkpoint(log, place).root

    def _entry(self, checkpoint: Checkpoint, note: str) -> dict[str, Json]:
        cosigned = cosign_checkpoint(checkpoint, self._witness, self._sign, time=int(self._now().timestamp()))
        return {"origin": checkpoint.origin, "size": checkpoint.size, "checkpoint": note, "cosigned": cosigned}
