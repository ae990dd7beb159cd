"""Judging a visit: gathers what the policy reads, and hashes the verdict over digests so that erasure leaves it valid."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from core.clubs.agreement import Agreement
from core.clubs.eligibility import Facts, Verdict, evaluate, verdict_hash
from core.clubs.visit_states import states_that_consume
from core.log.disclosures import disclose
from core.log.sealing import Sealed, seal
from ports.clubs import ClubsTx, Grant
from ports.log import DirectoryEntry

VERDICT_POINTER = "/object/verdict"
"""Where a verdict stands in the record of its event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict with its hash, and what it was made with."""

    verdict: Verdict
    hash: bytes
    key: bytes
    grant: Grant
    zone: str


async def judge(
    tx: ClubsTx,
    *,
    agreement: Agreement,
    grant: Grant,
    host: DirectoryEntry,
    key: bytes,
    stay: tuple[date, date],
    at: datetime,
    verdict_id: UUID,
    residence_proven: bool = False,
    judged_on: date | None = None,
) -> Judged:
    """The verdict at `at` on a stay (first and last day). The caller holds the member's visits, so that what is consumed stays true."""
    first_day, last_day = stay
    day = judged_on or first_day
    version = agreement.version_on(day)
    states = states_that_consume(version.terms)
    consumed = await tx.visits.consumed(agreement.id, grant.member_ref, states, but=grant.visit_id)
    facts = Facts(
        home_club=grant.home_club,
        host_club=grant.host_club,
        agreement_status=agreement.status(at, first_day, last_day, host.zone),
        category=grant.category,
        standing_facts=grant.facts,
        distance_from_club_metres=grant.distance_from_club_metres,
        distance_from_residence_metres=grant.distance_from_residence_metres,
        residence_proven=residence_proven,
        judged_on=day,
        first_day=first_day,
        last_day=last_day,
        consumed=tuple(consumed),
    )
    verdict = evaluate(version, facts, at, id=verdict_id, visit_id=grant.visit_id)
    return Judged(verdict=verdict, hash=_hash(verdict, key, host.origin), key=key, grant=grant, zone=host.zone)


def _hash(verdict: Verdict, key: bytes, origin: str) -> bytes:
    """The host leads both records of a visit's event, so its origin salts the digests in both."""

    def digest(sealed: Sealed) -> str:
        event_id = str(verdict.id)
        return disclose(key=key, origin=origin, event_id=event_id, pointer=sealed.pointer, value=sealed.value).digest

    return verdict_hash(seal(verdict, VERDICT_POINTER, digest))
