"""The log's workers in a row: what grew is signed, anchored, cosigned by witnesses; nothing is forgotten between."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from app.log.anchorer import Anchorer
from app.log.guard import Guard
from app.log.integrator import Integrator
from app.log.rotation import Rotation
from app.log.signer import Signer
from app.log.witnessing import Witnessing
from ports.log import Backlog
from shared.clock import Now
from shared.errors import ConcordatError

_log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class Pipeline:
    """Holds which logs wait for which stage. At first every log waits for all: a crash may have left any of them there.

    A stage that fails gives back what it took, since it may have done part of it.
    """

    guard: Guard
    integrator: Integrator
    signer: Signer
    anchorer: Anchorer
    rotation: Rotation
    backlog: Backlog
    now: Now
    witnesses: Sequence[Witnessing]
    unsigned: set[UUID] = field(default_factory=set)
    unanchored: dict[UUID, datetime] = field(default_factory=dict)
    """With the time since when each of them has been waiting."""
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the anchorer should not wait for its next turn."""
    _known: bool = False
    _told_frozen: set[UUID] = field(default_factory=set)
    _hurry: bool = False
    _under_way: dict[UUID, datetime] = field(default_factory=dict)
    _integrating: asyncio.Lock = field(default_factory=asyncio.Lock)
    _signing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _anchoring: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def knows(self) -> bool:
        """Does it know which logs there are? Not before its first turn."""
        return self._known

    @property
    def waiting(self) -> Mapping[UUID, datetime]:
        """Since when each log has been waiting for the ledger; those that are being submitted just now as well."""
        return {**self.unanchored, **self._under_way}

    async def integrate(self) -> None:
        """Pending records become leaves."""
        async with self._integrating:
            if not self._known:
                clubs = {entry.club for entry in await self.backlog.directory()}
                self.unsigned |= clubs
                self._wait(clubs)
                self._known = True
            try:
                grown = await self.integrator.tick()
            except BaseException:
                # Some logs may have grown before the failure; which ones is no longer known.
                self._known = False
                raise
            # Not before: what is signed meanwhile begins another set.
            self.unsigned |= grown
            self._tell_frozen()

    async def sign(self) -> None:
        """Heads that grew become checkpoints."""
        async with self._signing:
            batch, self.unsigned = self.unsigned, set()
            done: Mapping[UUID, bool] = {}
            try:
                done = await self.signer.tick(batch)
            finally:
                # One in trouble may have been signed, and not published.
                left = batch - done.keys()
                self.unsigned |= left
                self._wait(left | {club for club, new in done.items() if new})
            self._tell_frozen()

    async def anchor(self) -> None:
        """Checkpoints go to the ledger; whoever is in a hurry has everything before it done first."""
        if self._hurry:
            self._hurry = False
            await self.integrate()
            await self.sign()
        async with self._anchoring:
            # Those that are worked on without the ledger's word are compared as soon as it answers.
            self._wait(self.guard.due)
            batch, self.unanchored = self.unanchored, {}
            self._under_way = batch
            rejected = set(self.anchorer.rejected)
            try:
                done = await self.anchorer.tick(batch)
            except BaseException:
                self.unanchored |= batch
                raise
            finally:
                self._under_way = {}
                # Also without a ledger: a witness is not kept waiting for it for ever.
                for witness in self.witnesses:
                    witness.want(batch)
            self.unanchored |= {club: since for club, since in batch.items() if club not in done}
            for club in self.anchorer.rejected.keys() - rejected:
                _tell("checkpoint rejected", club, self.anchorer.rejected[club])
            self._tell_frozen()

    async def rotate(self) -> None:
        """Logs whose key is to be exchanged get another one."""
        refused = self.rotation.refused
        try:
            self.unsigned |= await self.rotation.tick()
        finally:
            for club, refusal in refused.items():
                _tell("new key refused", club, refusal)
            refused.clear()
            self._tell_frozen()

    async def witness(self, witness: Witnessing) -> None:
        """Checkpoints go to a witness; what it cosigned is published anew by the signer, who alone publishes."""
        disputed = set(witness.disputed)
        try:
            await witness.tick()
        finally:
            self.unsigned |= witness.cosigned
            witness.cosigned.clear()
            for club in witness.disputed.keys() - disputed:
                _log.error("witness disputes", club=str(club), error=str(witness.disputed[club]))
            self._tell_frozen()

    def hurry(self) -> None:
        """Let the next turn of `anchor` come at once, and cover everything that is recorded by then."""
        self._hurry = True
        self.wanted.set()

    def _wait(self, clubs: Collection[UUID]) -> None:
        now = self.now()
        for club in clubs:
            self.unanchored.setdefault(club, now)

    def _tell_frozen(self) -> None:
        for club in self.guard.frozen.keys() - self._told_frozen:
            _tell("log frozen", club, self.guard.frozen[club])
            self._told_frozen.add(club)


def _tell(event: str, club: UUID, error: ConcordatError) -> None:
    """With the reason, which speaks of sizes and hashes of a log alone."""
    _log.error(event, club=str(club), error=error, reason=error.parameters.get("reason"))
