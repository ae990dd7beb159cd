"""The policy: every failed rule is listed with its figures, and a verdict replays for ever."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs.days import BadStay
from core.clubs.decoding import NotDecodable
from core.clubs.eligibility import Facts, Failure, Verdict, evaluate, replay, verdict_hash
from core.clubs.standing import Fact, FactKind, Standing
from core.clubs.terms import AgreementStatus, Quota, Terms, UnknownResidence, Window
from shared.canonical import Json, dumps, loads, plain
from shared.events import Personal
from tests.unit.clubs import oracles
from tests.unit.clubs.samples import (
    DAY,
    HARBOUR,
    NOW,
    SUMMIT,
    VISIT,
    fact,
    facts,
    good_standing,
    new_id,
    terms,
    verdict,
    version_of,
)

STANDINGS: dict[Standing, tuple[Fact, ...]] = {
    Standing.APPLICANT: (),
    Standing.GOOD: good_standing(),
    Standing.GRACE: (fact(FactKind.TERM, date(2026, 1, 1)), fact(FactKind.PAID_THROUGH, date(2026, 3, 1))),
    Standing.LAPSED: (fact(FactKind.TERM, date(2026, 1, 1)), fact(FactKind.PAID_THROUGH, date(2026, 2, 1))),
    Standing.SUSPENDED: (*good_standing(), fact(FactKind.SUSPENDED, date(2026, 3, 5))),
    Standing.EXPELLED: (*good_standing(), fact(FactKind.EXPELLED, date(2026, 3, 5))),
    Standing.RESIGNED: (*good_standing(), fact(FactKind.RESIGNED, date(2026, 3, 5))),
    Standing.DECEASED: (*good_standing(), fact(FactKind.DECEASED, date(2026, 3, 5))),
}


def only_failure(found: Verdict) -> Failure:
    assert len(found.failed) == 1
    assert not found.eligible
    return found.failed[0]


def test_vis1_a_visit_that_passes_every_rule_is_eligible_and_keeps_its_inputs() -> None:
    given_facts = facts()
    found = verdict(given_facts)
    assert (found.eligible, found.failed, found.inputs, found.at) == (True, (), given_facts, NOW)
    assert (found.terms_number, found.terms_hash) == (1, version_of(terms()).hash)


def test_vis1_every_failed_rule_is_listed_for_every_set_of_broken_rules() -> None:
    assert oracles.missed_rules(oracles.judge_with_the_core) is None


def stops_at_the_first_failure(agreed: Terms, found: Facts) -> Verdict:
    full = oracles.judge_with_the_core(agreed, found)
    return replace(full, failed=full.failed[:1])


def overlooks_the_residence(agreed: Terms, found: Facts) -> Verdict:
    return oracles.judge_with_the_core(replace(agreed, least_distance_metres_from_residence=0), found)


def looks_at_one_quota(agreed: Terms, found: Facts) -> Verdict:
    return oracles.judge_with_the_core(replace(agreed, quotas=agreed.quotas[:1]), found)


def says_yes_all_the_same(agreed: Terms, found: Facts) -> Verdict:
    return replace(oracles.judge_with_the_core(agreed, found), eligible=True)


@pytest.mark.parametrize(
    "planted", [stops_at_the_first_failure, overlooks_the_residence, looks_at_one_quota, says_yes_all_the_same]
)
def test_vis1_a_policy_that_overlooks_a_rule_is_found(planted: oracles.Judge) -> None:
    assert oracles.missed_rules(planted) is not None


@pytest.mark.parametrize("accepted", [(Standing.GOOD,), (Standing.GOOD, Standing.GRACE)])
@pytest.mark.parametrize("standing", list(Standing))
def test_mem1_only_the_accepted_standings_pass(standing: Standing, accepted: tuple[Standing, ...]) -> None:
    agreed = terms(accepted_standings=accepted, grace_days=30)
    found = verdict(facts(standing_facts=STANDINGS[standing]), agreed=agreed)
    assert found.eligible is (standing in accepted)
    if not found.eligible:
        failure = only_failure(found)
        assert (failure.rule, failure.code) == ("mem1", "member/not-in-good-standing")
        assert failure.parameters["standing"] == standing.value


def test_mem1_standing_is_judged_on_the_day_that_the_facts_name() -> None:
    suspended_later = (*good_standing(), fact(FactKind.SUSPENDED, date(2026, 3, 12)))
    assert verdict(facts(standing_facts=suspended_later, judged_on=date(2026, 3, 11))).eligible
    failure = only_failure(verdict(facts(standing_facts=suspended_later)))
    assert failure.parameters == {"standing": "suspended", "since": "2026-03-12", "on": "2026-03-12"}


@pytest.mark.parametrize(
    ("status", "code", "rule"),
    [
        (AgreementStatus.NOT_ACTIVE, "agreement/not-active", "agr2"),
        (AgreementStatus.SUSPENDED, "agreement/suspended", "agr5"),
        (AgreementStatus.EXPIRED, "agreement/expired", "agr4"),
        (AgreementStatus.TERMINATED, "agreement/terminated", "agr4"),
    ],
)
def test_agr2_a_visit_needs_an_active_agreement(status: AgreementStatus, code: str, rule: str) -> None:
    failure = only_failure(verdict(facts(agreement_status=status)))
    assert (failure.code, failure.rule) == (code, rule)


@pytest.mark.parametrize(
    ("judged_on", "code"),
    [
        (date(2026, 3, 1), "agreement/not-active"),
        (date(2026, 4, 1), None),
        (date(2026, 4, 30), None),
        (date(2026, 5, 1), "agreement/expired"),
    ],
)
def test_agr4_terms_outside_their_window_are_no_terms(judged_on: date, code: str | None) -> None:
    agreed = terms(effective_from=date(2026, 4, 1), effective_until=date(2026, 5, 1))
    found = verdict(facts(judged_on=judged_on), agreed=agreed)
    assert found.codes == (() if code is None else (code,))


@pytest.mark.parametrize(("metres", "eligible"), [(0, False), (89_999, False), (90_000, True), (90_001, True)])
def test_vis8_both_distances_are_compared_as_whole_metres(metres: int, eligible: bool) -> None:
    for field in ("distance_from_club_metres", "distance_from_residence_metres"):
        found = verdict(facts(**{field: metres}))
        assert found.eligible is eligible
        if not eligible:
            point = "club" if "club" in field else "residence"
            assert only_failure(found).parameters == {"from": point, "metres": metres, "least_metres": 90_000}


@pytest.mark.parametrize(
    ("unknown", "proven", "eligible"),
    [
        (UnknownResidence.REFUSE, False, False),
        (UnknownResidence.REFUSE, True, False),
        (UnknownResidence.ASK_PROOF, False, False),
        (UnknownResidence.ASK_PROOF, True, True),
    ],
)
def test_vis8_an_unknown_residence_is_refused_or_needs_a_proof_as_the_terms_say(
    unknown: UnknownResidence, proven: bool, eligible: bool
) -> None:
    agreed = terms(unknown_residence=unknown)
    found = verdict(facts(distance_from_residence_metres=None, residence_proven=proven), agreed=agreed)
    assert found.eligible is eligible
    if not eligible:
        parameters = only_failure(found).parameters
        assert parameters["metres"] is None
        assert parameters.get("proof") == ("required" if unknown is UnknownResidence.ASK_PROOF else None)


def test_vis8_terms_that_ask_for_no_distance_need_no_residence() -> None:
    agreed = terms(least_distance_metres_from_club=0, least_distance_metres_from_residence=0)
    assert verdict(facts(distance_from_club_metres=0, distance_from_residence_metres=None), agreed=agreed).eligible


@pytest.mark.parametrize("category", [None, "country", "Full", "full "])
def test_a_category_that_the_terms_do_not_name_is_refused(category: str | None) -> None:
    failure = only_failure(verdict(facts(category=category)))
    assert (failure.code, failure.parameters) == ("visit/category", {"category": category, "accepted": "full"})


def test_vis6_an_exceeded_quota_says_which_window_and_when_it_ends() -> None:
    consumed = tuple(date(2026, 3, day) for day in (2, 3, 4, 5))
    failure = only_failure(verdict(facts(consumed=consumed)))
    assert (failure.rule, failure.code) == ("vis6", "visit/quota-exceeded")
    assert failure.parameters == {
        "window": "calendar_month",
        "days": None,
        "limit": 4,
        "used": 4,
        "requested": 1,
        "resets_at": "2026-04-01",
    }


def test_vis1_facts_of_days_that_no_visit_may_have_do_not_exist() -> None:
    with pytest.raises(BadStay):
        facts(last_day=DAY - timedelta(days=1))


days = st.dates(date(2025, 1, 1), date(2027, 12, 31))
instants = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@st.composite
def recorded(draw: st.DrawFn) -> Fact:
    kind, first = draw(st.sampled_from(FactKind)), draw(days)
    last = None
    if kind in (FactKind.TERM, FactKind.SUSPENDED):
        last = draw(st.none() | st.integers(0, 400).map(lambda length: first + timedelta(days=length)))
    return fact(kind, first, last, draw(instants))


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    first = draw(days)
    return Facts(
        home_club=HARBOUR,
        host_club=SUMMIT,
        agreement_status=draw(st.sampled_from(AgreementStatus)),
        category=draw(st.none() | st.sampled_from(["full", "country"])),
        standing_facts=tuple(draw(st.lists(recorded(), max_size=5))),
        distance_from_club_metres=draw(st.integers(0, 200_000)),
        distance_from_residence_metres=draw(st.none() | st.integers(0, 200_000)),
        residence_proven=draw(st.booleans()),
        judged_on=draw(days),
        first_day=first,
        last_day=first + timedelta(days=draw(st.integers(0, 30))),
        consumed=tuple(sorted(draw(st.lists(days, max_size=6)))),
    )


any_terms = st.builds(
    terms,
    accepted_standings=st.sampled_from([(Standing.GOOD,), (Standing.GOOD, Standing.GRACE)]),
    unknown_residence=st.sampled_from(UnknownResidence),
    grace_days=st.integers(0, 90),
    quotas=st.sampled_from(
        [
            (),
            (Quota(window=Window.CALENDAR_QUARTER, limit=2), Quota(window=Window.CALENDAR_YEAR, limit=3)),
            (Quota(window=Window.ROLLING_DAYS, limit=3, days=30), Quota(window=Window.CALENDAR_MONTH, limit=2)),
        ]
    ),
)


@given(any_terms, any_facts(), instants)
def test_vis1_evaluate_is_total_and_the_same_inputs_give_the_same_verdict_for_ever(
    agreed: Terms, found: Facts, at: datetime
) -> None:
    version, key = version_of(agreed), new_id()
    first = evaluate(version, found, at, id=key, visit_id=VISIT)
    stored = loads(dumps(plain(first)))
    assert Verdict.from_plain(stored) == first
    assert Facts.from_plain(plain(found)) == found
    assert replay(version, Verdict.from_plain(stored))
    assert first.eligible is (not first.failed)
    assert dumps(plain(evaluate(version, Facts.from_plain(plain(found)), at, id=key, visit_id=VISIT))) == dumps(stored)


def test_mem4_a_fact_recorded_later_leaves_an_old_verdict_as_it_was() -> None:
    old = verdict(facts())
    back_dated = (*good_standing(), fact(FactKind.SUSPENDED, date(2026, 3, 1), recorded_at=NOW + timedelta(days=30)))
    assert not verdict(facts(standing_facts=back_dated)).eligible
    assert replay(version_of(terms()), old)


@pytest.mark.parametrize(
    "forged",
    [
        {"eligible": False},
        {"failed": (Failure(rule="vis8", code="visit/distance", parameters={}),)},
        {"terms_number": 2},
        {"terms_hash": bytes(32)},
        {"inputs": facts(category="country")},
    ],
)
def test_vis1_a_verdict_that_does_not_follow_from_its_inputs_fails_the_replay(forged: dict[str, Any]) -> None:
    assert not replay(version_of(terms()), replace(verdict(facts()), **forged))


def test_vis1_a_verdict_under_other_terms_fails_the_replay() -> None:
    assert not replay(version_of(terms(least_distance_metres_from_club=300_000)), verdict(facts()))


def test_a_verdict_that_was_cut_short_is_not_read() -> None:
    stored = plain(verdict(facts()))
    assert isinstance(stored, dict)
    for name in stored:
        with pytest.raises(NotDecodable):
            Verdict.from_plain({other: value for other, value in stored.items() if other != name})


def test_aud5_what_a_verdict_says_of_a_person_is_marked_as_the_visitors() -> None:
    hints = get_type_hints(Verdict, include_extras=True)
    marked = {
        field.name: mark.subject
        for field in fields(Verdict)
        for mark in getattr(hints[field.name], "__metadata__", ())
        if isinstance(mark, Personal)
    }
    assert marked == {"failed": "visit_id", "inputs": "visit_id"}


def test_sh5_the_hash_of_a_verdict_is_tagged_and_canonical() -> None:
    sealed: Json = {"inputs": {"sd": "AA"}, "eligible": True}
    written = b'{"eligible":true,"inputs":{"sd":"AA"}}'
    assert verdict_hash(sealed) == sha256(b"concordat/verdict/v1\0" + written).digest()
