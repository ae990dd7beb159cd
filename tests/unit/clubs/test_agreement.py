"""The agreement between two clubs: its table, who may do what, and when it ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs.agreement import (
    LIFE_CYCLE,
    Agreement,
    AgreementAccepted,
    AgreementExpired,
    AgreementMove,
    AgreementState,
    AgreementTerminated,
    AlreadyAccepted,
    NotAParty,
    NotCoSigned,
    NotDue,
    NoticeGiven,
    NotInForce,
    NotTheSuspender,
    NotYourTurn,
    SameClub,
    TermsDiffer,
    TermsVersion,
    WrongState,
)
from core.clubs.days import local_date
from core.clubs.names import BadText
from core.clubs.terms import AgreementStatus, terms_hash
from shared.errors import ConcordatError, NotFound
from tests.unit.clubs.samples import (
    AGREEMENT,
    HARBOUR,
    MEADOW,
    NOW,
    SUMMIT,
    ZONE,
    agreement,
    at_noon,
    in_state,
    later,
    terms,
)

Move = AgreementMove
State = AgreementState
ZONES = (ZONE, ZONE)
END = date(2027, 1, 1)


def draft() -> Agreement:
    return Agreement.draft(id=AGREEMENT, proposer=HARBOUR, partner=SUMMIT, terms=terms())[0]


def proposed() -> Agreement:
    return draft().propose(HARBOUR)[0]


def is_active(one: Agreement, at: datetime) -> bool:
    """Whether a member may be received at this moment."""
    today = local_date(at, ZONE)
    return one.status(at, today, today, ZONE) is AgreementStatus.ACTIVE


def in_every_state() -> dict[State, Agreement]:
    """One agreement in each state, reached by the moves that lead there."""
    active = agreement()
    waiting, _ = active.amend(HARBOUR, terms(notice_days=10))
    return {
        State.DRAFT: draft(),
        State.PROPOSED: proposed(),
        State.COUNTERED: proposed().counter(SUMMIT, terms(notice_days=10))[0],
        State.ACCEPTED: proposed().accept(SUMMIT, terms_hash(terms()))[0],
        State.ACTIVE: waiting,
        State.SUSPENDED: waiting.suspend(SUMMIT, "a fight in the bar")[0],
        State.EXPIRED: waiting.conclude(at_noon(END), ZONES)[0],
        State.TERMINATED: waiting.give_notice(HARBOUR, NOW)[0].conclude(later(NOW, days=30), ZONES)[0],
    }


AGREEMENTS = in_every_state()
NOTICED = {state: replace(one, terminates_at=NOW, notice_by=SUMMIT) for state, one in AGREEMENTS.items()}


def attempts(state: State) -> dict[Move, Callable[[], tuple[Agreement, tuple[Any]]]]:
    """For each move the call that makes it in `state`, by a club that may."""
    one, noticed = AGREEMENTS[state], NOTICED[state]
    other = one.proposer if one.newest.proposed_by == one.partner else one.partner
    if state is State.DRAFT:
        other = HARBOUR
    return {
        Move.PROPOSE: lambda: one.propose(HARBOUR),
        Move.COUNTER: lambda: one.counter(other, terms(notice_days=5)),
        Move.ACCEPT: lambda: one.accept(other, one.newest.hash),
        Move.ACTIVATE: lambda: one.activate(other, NOW),
        Move.SUSPEND: lambda: one.suspend(other, "a reason"),
        Move.LIFT: lambda: one.lift(one.suspended_by or other),
        Move.GIVE_NOTICE: lambda: one.give_notice(other, NOW),
        Move.AMEND: lambda: one.amend(other, terms(notice_days=5)),
        Move.EXPIRE: lambda: one.conclude(at_noon(END), ZONES),
        Move.TERMINATE: lambda: noticed.conclude(NOW, ZONES),
    }


@pytest.mark.parametrize(("state", "move"), list(product(State, Move)))
def test_sh7_agr2_every_pair_of_state_and_move_does_what_the_table_says(state: State, move: Move) -> None:
    before, attempt = AGREEMENTS[state], attempts(state)[move]
    assert before.state is state
    if (state, move) in LIFE_CYCLE:
        after, (event,) = attempt()
        assert after.state is LIFE_CYCLE[state, move]
        assert after.version == before.version + 1
        assert event.after == (after,)
        assert event.parties == (HARBOUR, SUMMIT)
        return
    refusal = NotCoSigned if move is Move.ACTIVATE and before.in_force is None else WrongState
    with pytest.raises(refusal) as refused:
        attempt()
    assert refused.value.parameters["state"] == state.value


def test_agr2_the_table_leads_from_the_draft_to_every_state_and_out_of_no_end() -> None:
    reached, found = {State.DRAFT}, True
    while found:
        new = {end for (start, _), end in LIFE_CYCLE.items() if start in reached} - reached
        reached, found = reached | new, bool(new)
    assert reached == set(State)
    assert not [start for start, _ in LIFE_CYCLE if start in (State.EXPIRED, State.TERMINATED)]


def test_agr1_an_agreement_is_between_two_different_clubs() -> None:
    with pytest.raises(SameClub):
        Agreement.draft(id=AGREEMENT, proposer=HARBOUR, partner=HARBOUR, terms=terms())
    assert agreement().other(HARBOUR) == SUMMIT
    assert agreement().other(SUMMIT) == HARBOUR


def test_agr2_a_draft_is_known_to_its_author_alone() -> None:
    written, (event,) = Agreement.draft(id=AGREEMENT, proposer=HARBOUR, partner=SUMMIT, terms=terms())
    assert event.parties == (HARBOUR,)
    for decide in (
        lambda: written.propose(SUMMIT),
        lambda: written.accept(SUMMIT, written.newest.hash),
        lambda: written.counter(SUMMIT, terms()),
        lambda: written.other(SUMMIT),
    ):
        with pytest.raises(NotAParty):
            decide()


@pytest.mark.parametrize("state", list(State))
def test_agr1_a_third_club_is_told_that_there_is_no_such_agreement(state: State) -> None:
    one = AGREEMENTS[state]
    for decide in (
        lambda: one.propose(MEADOW),
        lambda: one.counter(MEADOW, terms()),
        lambda: one.accept(MEADOW, one.newest.hash),
        lambda: one.activate(MEADOW, NOW),
        lambda: one.suspend(MEADOW, "a reason"),
        lambda: one.lift(MEADOW),
        lambda: one.give_notice(MEADOW, NOW),
        lambda: one.amend(MEADOW, terms()),
        lambda: one.other(MEADOW),
    ):
        with pytest.raises(NotAParty) as refused:
            decide()
        assert refused.value.code == NotFound.code


def test_agr2_both_clubs_accept_the_identical_hash() -> None:
    one = proposed()
    assert one.newest.accepted_by == (HARBOUR,)
    with pytest.raises(TermsDiffer) as refused:
        one.accept(SUMMIT, terms_hash(terms(notice_days=31)))
    assert refused.value.parameters == {"number": 1}
    with pytest.raises(AlreadyAccepted):
        one.accept(HARBOUR, one.newest.hash)
    accepted, _ = one.accept(SUMMIT, one.newest.hash)
    assert set(accepted.newest.accepted_by) == {HARBOUR, SUMMIT}


def test_agr2_countering_leaves_the_former_version_as_it_was_and_waits_for_the_other_club() -> None:
    one = proposed()
    with pytest.raises(NotYourTurn):
        one.counter(HARBOUR, terms(notice_days=10))
    countered, (event,) = one.counter(SUMMIT, terms(notice_days=10))
    assert countered.versions[0] == one.newest
    assert (countered.newest.number, countered.newest.accepted_by, event.by) == (2, (SUMMIT,), SUMMIT)
    with pytest.raises(TermsDiffer):
        countered.accept(HARBOUR, one.newest.hash)
    with pytest.raises(NotYourTurn):
        countered.counter(SUMMIT, terms())
    again, _ = countered.counter(HARBOUR, terms(notice_days=20))
    assert (again.newest.number, again.state) == (3, State.COUNTERED)


def test_agr2_one_club_cannot_activate_alone() -> None:
    for state in (State.DRAFT, State.PROPOSED, State.COUNTERED):
        with pytest.raises(NotCoSigned) as refused:
            AGREEMENTS[state].activate(HARBOUR, NOW)
        assert refused.value.code == "agreement/not-co-signed"
    active, _ = AGREEMENTS[State.ACCEPTED].activate(HARBOUR, NOW)
    assert (active.state, active.in_force, active.activated_at) == (State.ACTIVE, 1, NOW)


def test_agr3_an_amendment_rules_once_both_accepted_it_and_not_before() -> None:
    active = agreement()
    amended, _ = active.amend(SUMMIT, terms(notice_days=10))
    assert (amended.in_force, amended.newest.number) == (1, 2)
    assert amended.version_on(date(2026, 5, 1)).number == 1
    with pytest.raises(AlreadyAccepted):
        amended.accept(SUMMIT, amended.newest.hash)
    ruling, (event,) = amended.accept(HARBOUR, amended.newest.hash)
    assert isinstance(event, AgreementAccepted)
    assert (ruling.in_force, ruling.state) == (2, State.ACTIVE)
    assert ruling.version_on(date(2026, 5, 1)).number == 2
    assert ruling.versions[0] == active.newest


def test_agr3_an_active_agreement_without_an_amendment_has_nothing_to_accept() -> None:
    active = agreement()
    for club in (HARBOUR, SUMMIT):
        with pytest.raises(AlreadyAccepted):
            active.accept(club, active.newest.hash)


def test_agr3_an_amendment_for_later_leaves_the_days_before_it_to_the_old_terms() -> None:
    amended, _ = agreement().amend(SUMMIT, terms(effective_from=date(2026, 7, 1), effective_until=None))
    ruling, _ = amended.accept(HARBOUR, amended.newest.hash)
    assert [ruling.version_on(date(2026, *day)).number for day in ((1, 1), (6, 30), (7, 1))] == [1, 1, 2]
    assert ruling.version_on(date(2025, 1, 1)).number == 1
    assert ruling.status(NOW, date(2026, 6, 29), date(2026, 7, 2), ZONE) is AgreementStatus.ACTIVE


def test_agr3_without_terms_in_force_there_is_nothing_to_judge_by() -> None:
    with pytest.raises(NotInForce):
        proposed().version_on(date(2026, 5, 1))


def test_agr5_either_club_suspends_alone_with_a_reason_and_lifts_only_its_own() -> None:
    for suspender, other in ((HARBOUR, SUMMIT), (SUMMIT, HARBOUR)):
        suspended, _ = agreement().suspend(suspender, " misconduct ")
        assert (suspended.suspended_by, suspended.suspension_reason) == (suspender, "misconduct")
        assert not is_active(suspended, at_noon(date(2026, 5, 1)))
        with pytest.raises(NotTheSuspender):
            suspended.lift(other)
        lifted, _ = suspended.lift(suspender)
        assert (lifted.suspended_by, lifted.suspension_reason) == (None, None)
        assert is_active(lifted, at_noon(date(2026, 5, 1)))
    for reason in ("", "   "):
        with pytest.raises(BadText):
            agreement().suspend(HARBOUR, reason)


def test_agr4_notice_ends_the_agreement_after_its_days_and_never_earlier() -> None:
    noticed, (event,) = agreement().give_notice(SUMMIT, NOW)
    due = later(NOW, days=30)
    assert (noticed.notice_by, noticed.terminates_at, event.parties) == (SUMMIT, due, (HARBOUR, SUMMIT))
    with pytest.raises(NoticeGiven):
        noticed.give_notice(HARBOUR, NOW)
    with pytest.raises(NotDue):
        noticed.conclude(later(due, microseconds=-1), ZONES)
    ended, (event_of_end,) = noticed.conclude(due, ZONES)
    assert ended.state is State.TERMINATED
    assert isinstance(event_of_end, AgreementTerminated)


def test_agr4_notice_runs_on_while_the_agreement_is_suspended() -> None:
    suspended, _ = agreement().suspend(HARBOUR, "misconduct")
    noticed, _ = suspended.give_notice(SUMMIT, NOW)
    assert noticed.state is State.SUSPENDED
    assert noticed.conclude(later(NOW, days=30), ZONES)[0].state is State.TERMINATED


def test_agr4_the_window_is_over_when_the_last_day_is_over_in_both_clubs() -> None:
    active = agreement()
    zones = ("Pacific/Auckland", "America/Los_Angeles")
    midnight_in_los_angeles = datetime(2027, 1, 1, 8, tzinfo=UTC)
    with pytest.raises(NotDue):
        active.conclude(later(midnight_in_los_angeles, microseconds=-1), zones)
    ended, (event,) = active.conclude(midnight_in_los_angeles, zones)
    assert ended.state is State.EXPIRED
    assert isinstance(event, AgreementExpired)


@pytest.mark.parametrize(
    ("notice_at", "expected"),
    [(datetime(2026, 12, 1, tzinfo=UTC), State.TERMINATED), (datetime(2026, 12, 20, tzinfo=UTC), State.EXPIRED)],
)
def test_agr4_what_came_first_names_the_end_even_if_it_is_noticed_late(notice_at: datetime, expected: State) -> None:
    noticed, _ = agreement().give_notice(HARBOUR, notice_at)
    assert noticed.conclude(datetime(2027, 6, 1, tzinfo=UTC), ("UTC", "UTC"))[0].state is expected


def test_agr4_terms_without_end_do_not_expire() -> None:
    with pytest.raises(NotDue):
        agreement(terms(effective_until=None)).conclude(datetime(9000, 1, 1, tzinfo=UTC), ZONES)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2025, 12, 31), date(2026, 1, 2), AgreementStatus.NOT_ACTIVE),
        (date(2026, 3, 12), date(2026, 3, 14), AgreementStatus.ACTIVE),
        (date(2026, 12, 30), date(2026, 12, 31), AgreementStatus.ACTIVE),
        (date(2026, 12, 31), date(2027, 1, 1), AgreementStatus.EXPIRED),
    ],
)
def test_agr4_every_day_of_a_stay_needs_terms_in_effect(first: date, last: date, expected: AgreementStatus) -> None:
    assert agreement().status(NOW, first, last, ZONE) is expected


def test_agr4_a_day_that_begins_after_the_notice_ran_out_is_refused_beforehand() -> None:
    noticed, _ = agreement().give_notice(SUMMIT, NOW)
    last = date(2026, 3, 31)
    assert noticed.status(NOW, last, last, ZONE) is AgreementStatus.ACTIVE
    assert noticed.status(NOW, last, last + timedelta(days=1), ZONE) is AgreementStatus.TERMINATED
    due = later(NOW, days=30)
    assert is_active(noticed, later(due, microseconds=-1))
    assert not is_active(noticed, due)


@pytest.mark.parametrize("state", list(State))
def test_agr2_only_an_active_agreement_is_active(state: State) -> None:
    one = in_state(agreement(), state)
    status = one.status(NOW, date(2026, 3, 12), date(2026, 3, 12), ZONE)
    assert (status is AgreementStatus.ACTIVE) == (state is State.ACTIVE)


def test_agr6_matched_is_part_of_the_terms_that_both_accept() -> None:
    assert terms_hash(terms(matched=True)) != terms_hash(terms())


calls = st.tuples(
    st.sampled_from(list(Move)),
    st.sampled_from([HARBOUR, SUMMIT, MEADOW]),
    st.sampled_from([5, 10, 30]),
    st.integers(0, 500),
)


def attempt(one: Agreement, call: tuple[Move, UUID, int, int]) -> Agreement:
    move, by, days, hours = call
    at, wanted = later(NOW, hours=24 * hours), terms(notice_days=days)
    decisions: dict[Move, Callable[[], tuple[Agreement, tuple[Any]]]] = {
        Move.PROPOSE: lambda: one.propose(by),
        Move.COUNTER: lambda: one.counter(by, wanted),
        Move.ACCEPT: lambda: one.accept(by, terms_hash(wanted) if hours % 3 == 0 else one.newest.hash),
        Move.ACTIVATE: lambda: one.activate(by, at),
        Move.SUSPEND: lambda: one.suspend(by, "a reason"),
        Move.LIFT: lambda: one.lift(by),
        Move.GIVE_NOTICE: lambda: one.give_notice(by, at),
        Move.AMEND: lambda: one.amend(by, wanted),
        Move.EXPIRE: lambda: one.conclude(at, ZONES),
        Move.TERMINATE: lambda: one.conclude(at, ZONES),
    }
    return decisions[move]()[0]


def co_signed(version: TermsVersion) -> bool:
    return set(version.accepted_by) == {HARBOUR, SUMMIT}


@given(st.sampled_from(list(State)), st.lists(calls, max_size=15))
def test_agr2_agr3_whatever_the_clubs_try_terms_rule_only_after_both_signed_their_hash(
    start: State, tried: list[tuple[Move, UUID, int, int]]
) -> None:
    one = AGREEMENTS[start]
    for call in tried:
        before = one
        try:
            one = attempt(one, call)
        except ConcordatError:
            continue
        assert one.version == before.version + 1
        assert call[1] != MEADOW or call[0] in (Move.EXPIRE, Move.TERMINATE)
        assert one.state is LIFE_CYCLE[before.state, call[0]] or call[0] in (Move.EXPIRE, Move.TERMINATE)
        for was, now in zip(before.versions, one.versions, strict=False):
            assert (was.number, was.terms, was.hash) == (now.number, now.terms, now.hash)
            assert set(was.accepted_by) <= set(now.accepted_by)
        assert all(version.hash == terms_hash(version.terms) for version in one.versions)
        assert [version.number for version in one.versions] == list(range(1, len(one.versions) + 1))
        if one.state not in (State.DRAFT, State.PROPOSED, State.COUNTERED):
            assert any(co_signed(version) for version in one.versions)
        if one.in_force is not None:
            assert co_signed(one.versions[one.in_force - 1])
            assert co_signed(one.version_on(date(2026, 5, 1)))
