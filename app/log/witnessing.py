"""Asking another operator's witness: it cosigns what is anchored, with proof that this extends what it saw before."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from app.log.guard import Guard, refuse_tiles
from app.log.trees import consistency, root_at
from app.workers import Turns, worker
from core.log.checkpoints import Checkpoint, parse_checkpoint, verify_extension
from core.log.cosigning import AddCheckpoint, check_answer
from core.log.errors import LogInvalid, ProofInvalid
from core.log.notes import VerifierKey, Verify, parse_note
from core.log.tiles import tiles_for_consistency
from ports.cosigners import Cosigners, WitnessHolds, WitnessRefused, WitnessUnavailable
from ports.log import Log, LogTx, StoredCheckpoint, StoredCosignature
from ports.unit_of_work import Begin
from shared.clock import Now
from shared.errors import Conflict

PATIENCE = timedelta(seconds=60)
"""So long nothing may be anchored before the newest checkpoint is cosigned without an anchor."""

CLOCK_SECONDS = 300
"""So far a witness's clock and ours may be apart."""

_BAD_PROOF = 422
_AUDIT = "run concordat log audit, and talk to the witness's operator"
_KEY = "compare key and URL in the policy with what the witness's operator exports"
_CLOCK = "compare the clocks of both machines"
_HAS_MORE = "it holds more leaves than the log has: the log was set back, or somebody else signs with its key", _AUDIT
_OTHER_ROOT = "it holds another checkpoint of this size: the log forked, or the witness is wrong", _AUDIT
_OTHER_HISTORY = "it refuses a proof that is right here: it holds another history of the log, or is wrong", _AUDIT
_FORGOT = (
    "it holds fewer leaves than it cosigned: its database was set back, and it would cosign a second history",
    "ask the witness's operator",
)
_TOO_LATE = "it cosigned at a time that is yet to come", _CLOCK
_TOO_EARLY = "it cosigned at a time when there was no such checkpoint", _CLOCK


class WitnessDisputes(Conflict):
    """A witness contradicts the log, or signs what it must not; somebody must look.

    Parameters: witness, reason, remedy.
    """

    code = "witness/disputes"
    title = "A witness contradicts the log."

    def __init__(self, *, witness: str, reason: str, remedy: str) -> None:
        super().__init__(witness=witness, reason=reason, remedy=remedy)
        self.reason, self.remedy = reason, remedy


@dataclass(kw_only=True)
class Witnessing:
    """One witness of the policy. One that is down, slow or wrong delays neither another one nor anything else.

    `look` opens reading transactions: a witness is waited for in none at all.
    """

    name: str
    key: VerifierKey
    url: str
    begin: Begin[LogTx]
    look: Begin[LogTx]
    cosigners: Cosigners
    guard: Guard
    turns: Turns
    verify: Verify
    now: Now
    waiting: dict[UUID, None] = field(default_factory=dict)
    """Logs that may have a checkpoint for it, in the order in which they are asked for."""
    cosigned: set[UUID] = field(default_factory=set)
    """Logs with a new cosignature, until somebody takes them."""
    disputed: dict[UUID, WitnessDisputes] = field(default_factory=dict)
    """What the witness said against a log, until it cosigns it the next time."""
    down: WitnessUnavailable | None = None
    """Why it did not answer, when it was asked last."""
    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    def want(self, clubs: Iterable[UUID]) -> None:
        """Ask for these logs at the next turn, which comes at once unless the witness is down."""
        self.waiting |= dict.fromkeys(clubs)
        if self.waiting and self.down is None:
            self.wanted.set()

    async def tick(self) -> None:
        """Ask for every log that waits; raises WitnessUnavailable at the first that it does not answer for."""
        self.down = None
        await self.turns.each(tuple(self.waiting), self._turn)
        if self.down is not None:
            raise self.down

    async def examine(self, club: UUID) -> bool:
        """Whether it answers about this log, of which there has to be a checkpoint; nothing is kept of what it answers.

        It is asked again for what it cosigned last. Raises what `Cosigners` raises, and WitnessDisputes where it holds
        what contradicts the log.
        """
        async with self.look(worker("witness", club)) as tx:
            held = await tx.log.cosigned(str(self.key))
            again = await tx.log.checkpoint_of(held) if held else await self._target(tx.log, 0)
        if again is None:
            return False
        with suppress(WitnessHolds):
            await self._examined(club, again, held)
        return True

    async def _examined(self, club: UUID, again: StoredCheckpoint, held: int) -> None:
        """Raises WitnessHolds where it holds neither this checkpoint nor another one that is stored here."""
        try:
            lines = await self._ask(club, again, held)
        except WitnessHolds as known:
            held = known.size
            if held > (await self._newest(club)).size:
                raise self._disputes(_HAS_MORE) from known
            async with self.look(worker("witness", club)) as tx:
                stored = await tx.log.checkpoint_of(held)
            if stored is None:
                raise
            again, lines = stored, await self._ask(club, stored, held)
        self._checked(again, lines)

    async def _turn(self, club: UUID) -> None:
        """Once the witness was silent, it is not asked for the other logs."""
        if self.down is not None:
            return
        self.waiting.pop(club, None)
        finished = False
        try:
            finished = await self.guard.work(club, self._cosign, False)
        except WitnessUnavailable as error:
            self.down = error
        except WitnessDisputes as dispute:
            self.disputed[club] = dispute
            raise
        finally:
            if not finished:
                # Behind all the others: a witness that is silent about one log answers for them in the end.
                self.waiting[club] = None

    async def _cosign(self, club: UUID) -> bool:
        async with self.look(worker("witness", club)) as tx:
            held = await tx.log.cosigned(str(self.key))
            target = await self._target(tx.log, held)
        if target is None:
            return True
        target, lines, known = await self._asked(club, target, held)
        await self._keep(club, target, lines)
        if known < held:
            self.disputed[club] = self._disputes(_FORGOT)
        else:
            self.disputed.pop(club, None)
        return True

    async def _target(self, log: Log, held: int) -> StoredCheckpoint | None:
        """The newest anchored checkpoint: so all witnesses cosign the same ones, and a receipt has anchor and quorum.

        The newest one of all while the ledger is silent: to be witnessed needs no ledger.
        """
        newest, anchor = await log.checkpoint(), await log.anchor()
        if anchor is not None and self.now() - anchor.at < PATIENCE:
            newest = await log.checkpoint_of(anchor.size)
        return None if newest is None or newest.size <= held else newest

    async def _asked(self, club: UUID, target: StoredCheckpoint, held: int) -> tuple[StoredCheckpoint, str, int]:
        """For which checkpoint the witness answered what, and the size that it held: not always what is known here."""
        try:
            return target, await self._ask(club, target, held), held
        except WitnessHolds as known:
            size = known.size
        if size > target.size:
            target = await self._newest(club)
        if size > target.size:
            raise self._disputes(_HAS_MORE)
        return target, await self._ask(club, target, size), size

    async def _ask(self, club: UUID, target: StoredCheckpoint, held: int) -> str:
        new = parse_checkpoint(parse_note(target.note).text)
        async with self.look(worker("witness", club)) as tx:
            proof = await _proof(tx.log, held, new)
        request = AddCheckpoint(old_size=held, proof=proof, note=target.note)
        try:
            return await self.cosigners.add_checkpoint(self.url, request)
        except WitnessRefused as refused:
            if refused.status != _BAD_PROOF:
                raise
            raise self._disputes(_OTHER_ROOT if held == target.size else _OTHER_HISTORY) from refused
        except WitnessHolds as known:
            if known.size == target.size == held:
                # What 422 says, in the words of witnesses that follow tlog-witness as it was before July 2026.
                raise self._disputes(_OTHER_ROOT) from known
            raise

    async def _newest(self, club: UUID) -> StoredCheckpoint:
        async with self.look(worker("witness", club)) as tx:
            newest = await tx.log.checkpoint()
        if newest is None:
            raise self._disputes(_HAS_MORE)
        return newest

    async def _keep(self, club: UUID, target: StoredCheckpoint, lines: str) -> None:
        line = self._checked(target, lines)
        async with self.begin(worker("witness", club)) as tx:
            cosignature = StoredCosignature(size=target.size, witness=str(self.key), line=line, at=self.now())
            await tx.log.add_cosignature(cosignature)
        self.cosigned.add(club)

    def _checked(self, target: StoredCheckpoint, lines: str) -> str:
        try:
            signed, signature = check_answer(parse_note(target.note), lines, self.key, self.verify)
        except LogInvalid as error:
            raise self._disputes((f"it did not cosign: {error.reason}", _KEY)) from error
        time = signed.time or 0
        if time > self.now().timestamp() + CLOCK_SECONDS:
            raise self._disputes(_TOO_LATE)
        if time < target.at.timestamp() - CLOCK_SECONDS:
            # Verifiers judge the certificates of a ledger at the time of the first cosignature.
            raise self._disputes(_TOO_EARLY)
        return str(signature)

    def _disputes(self, said: tuple[str, str]) -> WitnessDisputes:
        return WitnessDisputes(witness=self.name, reason=said[0], remedy=said[1])


async def _proof(log: Log, held: int, new: Checkpoint) -> tuple[bytes, ...]:
    """That the checkpoint extends the log at `held` leaves; raises LogFrozen where the stored tiles prove otherwise."""
    if held == 0:
        return ()
    proof = await consistency(log, held, new.size)
    try:
        old = Checkpoint(origin=new.origin, size=held, root=await root_at(log, held))
        verify_extension(old, new, proof)
    except ProofInvalid:
        await refuse_tiles(log, await log.head(), tiles_for_consistency(held, new.size))
    return proof
