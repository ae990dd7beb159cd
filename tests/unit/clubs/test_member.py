"""Members: enrolment, facts recorded one after the other, amendment and erasure."""

from dataclasses import fields
from datetime import date
from itertools import product
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs.member import (
    TENURES,
    Erased,
    Member,
    MemberFactRecorded,
    NotSuspended,
    Tenure,
    TermsOverlap,
    WrongTenure,
    tenure,
)
from core.clubs.names import BadText
from core.clubs.standing import Fact, FactKind, Standing, standing
from shared.canonical import dumps, plain
from shared.events import Personal
from tests.unit.clubs.samples import HARBOUR, MEMBER, REF, enrolled, fact, good_standing

TERM, PAID, SUSPENDED, LIFTED = FactKind.TERM, FactKind.PAID_THROUGH, FactKind.SUSPENDED, FactKind.SUSPENSION_LIFTED
EXPELLED, RESIGNED, DECEASED = FactKind.EXPELLED, FactKind.RESIGNED, FactKind.DECEASED

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
REACHED_BY: dict[Tenure, tuple[Fact, ...]] = {
    Tenure.APPLICANT: (),
    Tenure.MEMBER: (fact(TERM, FIRST, LAST), fact(SUSPENDED, FIRST)),
    Tenure.RESIGNED: (fact(TERM, FIRST, LAST), fact(SUSPENDED, FIRST), fact(RESIGNED, date(2026, 3, 1))),
    Tenure.EXPELLED: (fact(TERM, FIRST, LAST), fact(EXPELLED, date(2026, 3, 1))),
    Tenure.DECEASED: (fact(TERM, FIRST, LAST), fact(DECEASED, date(2026, 3, 1))),
}
NEXT = {
    TERM: fact(TERM, date(2027, 1, 1), date(2027, 12, 31)),
    PAID: fact(PAID, LAST),
    SUSPENDED: fact(SUSPENDED, date(2026, 6, 1)),
    LIFTED: fact(LIFTED, date(2026, 6, 1)),
    EXPELLED: fact(EXPELLED, date(2026, 6, 1)),
    RESIGNED: fact(RESIGNED, date(2026, 6, 1)),
    DECEASED: fact(DECEASED, date(2026, 6, 1)),
}


@pytest.mark.parametrize(("state", "kind"), list(product(Tenure, FactKind)))
def test_sh7_mem3_every_pair_of_tenure_and_fact_does_what_the_table_says(state: Tenure, kind: FactKind) -> None:
    member = enrolled(*REACHED_BY[state])
    assert tenure(member.person().facts) is state
    if (state, kind) in TENURES:
        recorded, (event,) = member.record(NEXT[kind])
        assert tenure(recorded.person().facts) is TENURES[state, kind]
        assert recorded.version == member.version + 1
        assert (event.fact, event.member, event.parties) == (NEXT[kind], recorded, (HARBOUR,))
        return
    with pytest.raises(WrongTenure) as refused:
        member.record(NEXT[kind])
    assert refused.value.parameters == {"state": state.value, "move": kind.value}


def test_mem3_expelled_and_deceased_have_no_way_out() -> None:
    assert not [pair for pair in TENURES if pair[0] in (Tenure.EXPELLED, Tenure.DECEASED)]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 6, 1), date(2026, 6, 1)),
        (date(2025, 6, 1), FIRST),
        (LAST, None),
        (date(2025, 1, 1), None),
        (FIRST, LAST),
    ],
)
def test_mem2_a_term_that_overlaps_another_is_refused(first: date, last: date | None) -> None:
    with pytest.raises(TermsOverlap):
        enrolled(fact(TERM, FIRST, LAST)).record(fact(TERM, first, last))


@pytest.mark.parametrize(("first", "last"), [(date(2027, 1, 1), None), (date(2025, 1, 1), date(2025, 12, 31))])
def test_mem2_a_term_beside_another_is_recorded(first: date, last: date | None) -> None:
    recorded, _ = enrolled(fact(TERM, FIRST, LAST)).record(fact(TERM, first, last))
    assert len(recorded.person().facts) == 2


def test_mem2_nothing_follows_a_term_without_end() -> None:
    with pytest.raises(TermsOverlap):
        enrolled(fact(TERM, FIRST)).record(fact(TERM, date(2100, 1, 1)))


def test_mem3_resigned_may_rejoin_within_the_term_that_the_resignation_cut_off() -> None:
    left = enrolled(*good_standing(), fact(RESIGNED, date(2026, 3, 1)))
    back, _ = left.record(fact(TERM, date(2026, 6, 1), LAST))
    for day, expected in ((5, Standing.RESIGNED), (6, Standing.GOOD)):
        assert standing(back.person().facts, date(2026, day, 1), 0) is expected


def test_mem3_who_resigned_for_a_day_to_come_is_suspended_like_any_member_until_then() -> None:
    leaving = enrolled(*good_standing(), fact(RESIGNED, date(2026, 6, 1)))
    suspended, _ = leaving.record(fact(SUSPENDED, date(2026, 3, 1)))
    lifted, _ = suspended.record(fact(LIFTED, date(2026, 4, 1)))
    for member, month, expected in (
        (leaving, 3, Standing.GOOD),
        (suspended, 3, Standing.SUSPENDED),
        (suspended, 4, Standing.SUSPENDED),
        (lifted, 4, Standing.GOOD),
        (suspended, 6, Standing.RESIGNED),
    ):
        assert standing(member.person().facts, date(2026, month, 1), 0) is expected


@pytest.mark.parametrize("first", [date(2026, 3, 1), date(2026, 2, 1), date(2025, 1, 1)])
def test_mem3_a_term_from_before_the_resignation_would_undo_it_and_is_refused(first: date) -> None:
    left = enrolled(*good_standing(), fact(RESIGNED, date(2026, 3, 1)))
    with pytest.raises(TermsOverlap):
        left.record(fact(TERM, first, first))


def test_mem3_lifting_needs_a_suspension_on_that_day() -> None:
    suspended = enrolled(*good_standing(), fact(SUSPENDED, date(2026, 2, 1), date(2026, 2, 28)))
    lifted, _ = suspended.record(fact(LIFTED, date(2026, 2, 10)))
    assert standing(lifted.person().facts, date(2026, 2, 10), 0) is Standing.GOOD
    for day in (date(2026, 1, 31), date(2026, 3, 1)):
        with pytest.raises(NotSuspended):
            suspended.record(fact(LIFTED, day))
    with pytest.raises(NotSuspended):
        lifted.record(fact(LIFTED, date(2026, 2, 10)))


def test_facts_given_at_enrolment_pass_the_rules_of_recording() -> None:
    with pytest.raises(TermsOverlap):
        enrolled(fact(TERM, FIRST, LAST), fact(TERM, FIRST, LAST))
    with pytest.raises(WrongTenure):
        enrolled(fact(EXPELLED, FIRST))


def test_mem4_recording_only_ever_appends() -> None:
    member = enrolled(*good_standing())
    recorded, _ = member.record(fact(SUSPENDED, date(2026, 2, 1)))
    assert recorded.person().facts[:-1] == member.person().facts


def test_sh1_amending_a_member_changes_what_is_known_of_the_person_and_nothing_else() -> None:
    member = enrolled(*good_standing())
    amended, (event,) = member.amend(name=" Ada Second ", category="country", residence=None)
    person = amended.person()
    assert (amended.version, person.name, person.category, person.residence) == (2, "Ada Second", "country", None)
    assert (person.number, person.ref, person.facts) == ("H-1", REF, member.person().facts)
    assert (event.about, event.parties) == (("member", MEMBER, 2), (HARBOUR,))
    with pytest.raises(BadText):
        member.amend(name="", category="full", residence=None)


def test_aud6_erasure_leaves_nothing_personal_and_can_not_be_undone() -> None:
    member = enrolled(*good_standing())
    erased, (event,) = member.erase()
    assert (erased.version, erased.erased, erased.club_id, erased.id) == (2, True, HARBOUR, MEMBER)
    assert event.parties == (HARBOUR,)
    personal = personal_fields(Member)
    assert set(personal) == {"ref", "number", "name", "category", "residence", "facts"}
    assert all(getattr(erased, field) is None for field in personal)
    text = dumps(plain(event.facts) if event.facts else None) + dumps(plain(erased))
    for value in (b"Ada", b"H-1", b"full", b"47376900", str(REF).encode(), b"paid_through"):
        assert value not in text
    for decide in (
        erased.person,
        lambda: erased.record(fact(PAID, LAST)),
        lambda: erased.amend(name="Eve", category="full", residence=None),
        erased.erase,
    ):
        with pytest.raises(Erased):
            decide()


def test_aud5_every_personal_field_names_the_sibling_that_holds_its_subject() -> None:
    for kind in (Member, MemberFactRecorded):
        names = {field.name for field in fields(kind)}
        for field, subject in personal_fields(kind).items():
            assert subject in names, f"{kind.__name__}.{field}"
    assert personal_fields(MemberFactRecorded) == {"fact": "member_id"}


@given(st.lists(st.sampled_from(sorted(NEXT.values(), key=lambda one: one.kind)), max_size=8))
def test_sh7_facts_in_any_order_are_recorded_or_refused_and_leave_a_valid_history(choices: list[Fact]) -> None:
    member = enrolled()
    for choice in choices:
        before = member
        try:
            member, _ = member.record(choice)
        except (WrongTenure, TermsOverlap, NotSuspended):
            assert member is before
    facts = member.person().facts
    assert enrolled(*facts).person().facts == facts


def personal_fields(kind: type) -> dict[str, str]:
    hints = get_type_hints(kind, include_extras=True)
    return {
        name: mark.subject
        for name, hint in hints.items()
        for mark in getattr(hint, "__metadata__", ())
        if isinstance(mark, Personal)
    }
