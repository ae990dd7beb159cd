"""Judging a visit: gathers what the policy reads; hashes the verdict over digests, so that it outlives erasure."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from core.clubs.agreement import Agreement
from core.clubs.eligibility import Facts, Verdict, evaluate, verdict_hash
from core.clubs.quota import counted
from core.clubs.visit_states import states_that_consume
from core.log.disclosures import disclose
from core.log.sealing import Sealed, seal
from ports.clubs import ClubsTx, Grant
from ports.log import DirectoryEntry

VERDICT_POINTER = "/object/verdict"
"""Where a verdict stands in the record of its event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """What is judged: a member's days at a host, under an agreement, by what the home club granted the host to know."""

    agreement: Agreement
    grant: Grant
    host: DirectoryEntry
    key: bytes
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict on a stay, with its hash."""

    stay: Stay
    verdict: Verdict
    hash: bytes


async def judge(
    tx: ClubsTx, stay: Stay, *, at: datetime, id: UUID, residence_proven: bool = False, judged_on: date | None = None
) -> Judged:
    """The verdict on a stay at `at`. The caller holds the member's visits, so that what is consumed stays true."""
    agreement, grant, host = stay.agreement, stay.grant, stay.host
    day = judged_on or stay.first_day
    version = agreement.version_on(day)
    states = states_that_consume(version.terms)
    consumed = await tx.visits.consumed(agreement.id, grant.member_ref, states, but=grant.visit_id)
    facts = Facts(
        home_club=grant.home_club,
        host_club=grant.host_club,
        agreement_status=agreement.status(at, stay.first_day, stay.last_day, host.zone),
        category=grant.category,
        standing_facts=grant.facts,
        distance_from_club_metres=grant.distance_from_club_metres,
        distance_from_residence_metres=grant.distance_from_residence_metres,
        residence_proven=residence_proven,
        judged_on=day,
        first_day=stay.first_day,
        last_day=stay.last_day,
        consumed=tuple(counted(version.terms.quotas, consumed, stay.first_day, stay.last_day)),
    )
    verdict = evaluate(version, facts, at, id=id, visit_id=grant.visit_id)
    return Judged(stay=stay, verdict=verdict, hash=_hash(verdict, stay.key, host.origin))


def _hash(verdict: Verdict, key: bytes, origin: str) -> bytes:
    """The host leads both records of a visit's event, so its origin salts the digests in both."""

    def digest(sealed: Sealed) -> str:
        event_id = str(verdict.id)
        return disclose(key=key, origin=origin, event_id=event_id, pointer=sealed.pointer, value=sealed.value).digest

    return verdict_hash(seal(verdict, VERDICT_POINTER, digest))
