"""The audit of one club after the other: each is opened in one snapshot, checked in order, and summed up."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from app.log import anchoring, integrator
from app.log.audit.aggregates import Aggregates
from app.log.audit.catalogue import Beside, Catalogue
from app.log.audit.heads import Heads
from app.log.audit.keys import Keys
from app.log.audit.losses import Losses
from app.log.audit.places import check_pending
from app.log.audit.records import Records
from app.log.audit.scene import Found, Scene
from app.log.audit.survey import DIRECTORY, Surveyed, survey
from app.log.audit.tiles import check_tiles
from app.log.keys import ROTATION
from app.log.missing import missing
from core.log.audit.findings import ALL_CHECKS, Check, Code, Finding
from core.log.audit.trees import settle_size
from core.log.evidence import Signatures
from core.log.rebuilding import Stretch
from core.log.trust import KeyRange, LedgerTrust, parse_ledger_trust
from ports.audit import AuditedLog, AuditedLogs
from ports.ledger import Ledger, LedgerHead
from ports.log import Publication
from shared.canonical import Json

Progress = Callable[[str, Check, int, int], None]
"""Told the log's origin, what is being checked, how much of it is done, and how much there is (0: nobody knows)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAudit:
    """How one log fared. `intact_until` is the newest anchor that still matches: its leaves, and the ledger's time.

    Whatever was changed among later leaves was changed after that time. `lost` are leaves without their record, as a
    rebuild after a restore declared, signed by the log's key: they are no findings.
    """

    origin: str
    leaves: int
    lost: tuple[Stretch, ...]
    findings: int
    intact_until: tuple[int, str | None] | None


def _quiet(_origin: str, _check: Check, _done: int, _total: int) -> None:
    """For whoever does not watch."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Reads, and changes nothing. `checks` can leave parts out: an audit without all of them proves less.

    `publication` is where a log that was rewritten, and fits together again, can be compared leaf by leaf. `network` is
    the first part of the origins that have to be in the database when ledger or publication know them.
    """

    logs: AuditedLogs
    ledger: Ledger
    signatures: Signatures
    catalogue: Catalogue
    network: str
    publication: Publication | None = None
    checks: Collection[Check] = field(default=ALL_CHECKS)

    async def run(
        self, found: Found, progress: Progress = _quiet, origins: Collection[str] | None = None
    ) -> Sequence[LogAudit]:
        """Audit every log of the network, or those of these origins; findings are handed out as they become certain.

        Raises what the ledger raises: without its word half of the audit would be missing.
        """
        beside = [make() for make in self.catalogue.beside]
        trust = parse_ledger_trust(cast(Json, await self.ledger.trust()))
        clubs = await survey(self.logs, beside, found)
        for origin in await missing(self.network, {club.origin for club in clubs}, self.ledger, self.publication):
            if origins is None or origin in origins:
                detail = "the ledger or the publication knows this log, and the database has no such club"
                found(Finding(code=Code.LOG_MISSING, origin=origin, table="log", detail=detail))
        run = _Run(
            audit=self,
            origins={str(club.club): club.origin for club in clubs},
            beside=beside,
            trust=trust,
            found=found,
            progress=progress,
        )
        return [await run.of(club) for club in clubs if origins is None or club.origin in origins]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What stays the same from log to log."""

    audit: Audit
    origins: Mapping[str, str]
    beside: Sequence[Beside]
    trust: LedgerTrust
    found: Found
    progress: Progress

    async def of(self, club: Surveyed) -> LogAudit:
        # The ledger first: what it holds was in the database before, so that a log that grows is never behind it.
        anchored = await self.audit.ledger.head(club.origin)
        async with self.audit.logs.of(club.club) as look:
            # Keys come to the ledger first, and to the database after it: here it is the ledger that is never behind.
            keys = await self.audit.ledger.keys(club.origin)
            scene = self._scene(club, look, anchored, keys, rotating=await _rotating(look))
            if club.listed is not None and club.listed != club.origin:
                detail = f"the log is called {club.origin}"
                scene.report(Code.FIELD_MISMATCH, DIRECTORY, detail, kind="club", id=str(club.club), field="origin")
            await self._check(scene)
        return LogAudit(
            origin=club.origin,
            leaves=scene.size,
            lost=tuple(scene.lost),
            findings=scene.findings,
            intact_until=scene.intact,
        )

    async def _check(self, scene: Scene) -> None:
        catalogue, head = self.audit.catalogue, await scene.look.head()
        scene.size = settle_size(head, await scene.look.extent())
        heads = Heads(scene, head, Keys(await scene.look.keys()))
        if scene.does(Check.TILES):
            await check_tiles(scene)
        await heads.check()
        await Records(scene, Losses(scene)).check()
        if scene.does(Check.PLACES):
            wishes = frozenset({anchoring.CONSUMER, ROTATION})
            await check_pending(scene, catalogue.consumers, integrator=integrator.CONSUMER, wishes=wishes)
        if scene.does(Check.AGGREGATES) or scene.does(Check.BESIDE):
            await Aggregates(scene, catalogue.kinds, self.beside).check()
        await heads.settle_intact()

    def _scene(
        self,
        club: Surveyed,
        look: AuditedLog,
        anchored: LedgerHead | None,
        keys: Sequence[KeyRange],
        *,
        rotating: bool,
    ) -> Scene:
        audit = self.audit
        return Scene(
            look=look,
            club=club.club,
            origin=club.origin,
            origins=self.origins,
            events=audit.catalogue.events,
            erasures=audit.catalogue.erasures,
            checks=audit.checks,
            signatures=audit.signatures,
            trust=self.trust,
            anchored=anchored,
            keys=keys,
            rotating=rotating,
            publication=audit.publication,
            found=self.found,
            tell=lambda check, done, total: self.progress(club.origin, check, done, total),
        )


async def _rotating(look: AuditedLog) -> bool:
    return any([row.consumer == ROTATION async for window in look.pending() for row in window])
