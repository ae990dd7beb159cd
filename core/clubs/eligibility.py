"""The policy of who may visit: terms and facts in, a verdict with all failed rules out (rule vis1)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from core.clubs.days import check_stay
from core.clubs.decoding import from_plain
from core.clubs.quota import overrun
from core.clubs.standing import Fact, standing_since
from core.clubs.terms import AgreementStatus, Terms, TermsVersion, UnknownResidence
from shared.canonical import Json, dumps, tagged_hash
from shared.events import Personal

VERDICT_TAG = "concordat/verdict/v1"

NOT_IN_GOOD_STANDING = "member/not-in-good-standing"
CATEGORY = "visit/category"
DISTANCE = "visit/distance"
QUOTA_EXCEEDED = "visit/quota-exceeded"
CODE_BY_STATUS = {
    AgreementStatus.NOT_ACTIVE: "agreement/not-active",
    AgreementStatus.SUSPENDED: "agreement/suspended",
    AgreementStatus.EXPIRED: "agreement/expired",
    AgreementStatus.TERMINATED: "agreement/terminated",
}
RULE_BY_STATUS = {
    AgreementStatus.NOT_ACTIVE: "agr2",
    AgreementStatus.SUSPENDED: "agr5",
    AgreementStatus.EXPIRED: "agr4",
    AgreementStatus.TERMINATED: "agr4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the policy reads beside the terms. Days are those of the host club's zone.

    Standing and terms are judged on `judged_on`: the first day of the visit when it is requested or confirmed, the
    present day at check-in. `consumed` has each day once for every other visit of the member under the agreement that
    uses or reserves it, as far as a quota's window counts it beside the stay: what does not bear on a verdict is not
    among its inputs. `agreement_status` is what Agreement.status says of the whole stay at the instant of judgement.
    Raises BadStay for days that no visit may have.
    """

    home_club: UUID
    host_club: UUID
    agreement_status: AgreementStatus
    category: str | None
    standing_facts: tuple[Fact, ...]
    distance_from_club_metres: int
    distance_from_residence_metres: int | None
    residence_proven: bool = False
    judged_on: date
    first_day: date
    last_day: date
    consumed: tuple[date, ...]

    def __post_init__(self) -> None:
        check_stay(self.first_day, self.last_day)

    @classmethod
    def from_plain(cls, value: Json) -> "Facts":
        """The facts whose plain JSON is `value`; raises NotDecodable."""
        return from_plain(cls, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A rule that the visit fails: the rule's id, a stable code, and machine-readable parameters (rule sh4)."""

    rule: str
    code: str
    parameters: Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided at `at` under one version of the terms, why, and from what; it replays for ever (rule vis1)."""

    id: UUID
    visit_id: UUID
    terms_number: int
    terms_hash: bytes
    at: datetime
    eligible: bool
    failed: Annotated[tuple[Failure, ...], Personal("visit_id")]
    inputs: Annotated[Facts, Personal("visit_id")]

    @classmethod
    def from_plain(cls, value: Json) -> "Verdict":
        """The verdict whose plain JSON is `value`; raises NotDecodable."""
        return from_plain(cls, value)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of all failed rules."""
        return tuple(failure.code for failure in self.failed)


def evaluate(version: TermsVersion, facts: Facts, at: datetime, *, id: UUID, visit_id: UUID) -> Verdict:
    """The verdict on a visit: total, pure, and with every failed rule, not just the first (rule vis1)."""
    failed = tuple(_failures(version.terms, facts))
    return Verdict(
        id=id,
        visit_id=visit_id,
        terms_number=version.number,
        terms_hash=version.hash,
        at=at,
        eligible=not failed,
        failed=failed,
        inputs=facts,
    )


def replay(version: TermsVersion, verdict: Verdict) -> bool:
    """Whether the verdict's own inputs, judged again by these terms, give the verdict that was recorded."""
    return evaluate(version, verdict.inputs, verdict.at, id=verdict.id, visit_id=verdict.visit_id) == verdict


def verdict_hash(sealed: Json) -> bytes:
    """The hash of a verdict whose personal values are digests already, so that it survives their erasure."""
    return tagged_hash(VERDICT_TAG, dumps(sealed))


def _failures(terms: Terms, facts: Facts) -> Iterator[Failure]:
    yield from _agreement(terms, facts)
    yield from _standing(terms, facts)
    yield from _category(terms, facts)
    yield from _distance_from_club(terms, facts)
    yield from _distance_from_residence(terms, facts)
    yield from _quotas(terms, facts)


def _agreement(terms: Terms, facts: Facts) -> Iterator[Failure]:
    status = facts.agreement_status
    if status is AgreementStatus.ACTIVE:
        status = terms.status_on(facts.judged_on)
    if status is not AgreementStatus.ACTIVE:
        until = terms.effective_until
        yield Failure(
            rule=RULE_BY_STATUS[status],
            code=CODE_BY_STATUS[status],
            parameters={
                "on": facts.judged_on.isoformat(),
                "effective_from": terms.effective_from.isoformat(),
                "effective_until": None if until is None else until.isoformat(),
            },
        )


def _standing(terms: Terms, facts: Facts) -> Iterator[Failure]:
    found, since = standing_since(facts.standing_facts, facts.judged_on, terms.grace_days)
    if found not in terms.accepted_standings:
        yield Failure(
            rule="mem1",
            code=NOT_IN_GOOD_STANDING,
            parameters={
                "standing": found.value,
                "since": None if since is None else since.isoformat(),
                "on": facts.judged_on.isoformat(),
            },
        )


def _category(terms: Terms, facts: Facts) -> Iterator[Failure]:
    if facts.category not in terms.categories:
        parameters = {"category": facts.category, "accepted": ", ".join(terms.categories)}
        yield Failure(rule="vis1", code=CATEGORY, parameters=parameters)


def _distance_from_club(terms: Terms, facts: Facts) -> Iterator[Failure]:
    least = terms.least_distance_metres_from_club
    if not facts.distance_from_club_metres >= least:
        yield _too_near("club", facts.distance_from_club_metres, least)


def _distance_from_residence(terms: Terms, facts: Facts) -> Iterator[Failure]:
    least, metres = terms.least_distance_metres_from_residence, facts.distance_from_residence_metres
    if least == 0:
        return
    if metres is not None and not metres >= least:
        yield _too_near("residence", metres, least)
    if metres is None and terms.unknown_residence is UnknownResidence.REFUSE:
        yield _too_near("residence", None, least)
    if metres is None and terms.unknown_residence is UnknownResidence.ASK_PROOF and not facts.residence_proven:
        yield _too_near("residence", None, least, proof="required")


def _too_near(point: str, metres: int | None, least: int, **more: str) -> Failure:
    parameters = {"from": point, "metres": metres, "least_metres": least, **more}
    return Failure(rule="vis8", code=DISTANCE, parameters=parameters)


def _quotas(terms: Terms, facts: Facts) -> Iterator[Failure]:
    for quota in terms.quotas:
        found = overrun(quota, facts.consumed, facts.first_day, facts.last_day)
        if found is not None:
            yield Failure(
                rule="vis6",
                code=QUOTA_EXCEEDED,
                parameters={
                    "window": quota.window.value,
                    "days": quota.days,
                    "limit": quota.limit,
                    "used": found.used,
                    "requested": found.requested,
                    "resets_at": None if found.resets_at is None else found.resets_at.isoformat(),
                },
            )
