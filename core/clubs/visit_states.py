"""The life cycle of a visit as a table (rule vis3), and which of its states use up a quota (rule vis6)."""

from enum import StrEnum

from core.clubs.terms import Terms


class VisitState(StrEnum):
    """Where a visit stands in its life cycle (rule vis3)."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked_in"
    CHECKED_OUT = "checked_out"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    DENIED_AT_DOOR = "denied_at_door"


class VisitMove(StrEnum):
    """What the clubs, or the passing of time, may do to a visit."""

    CONFIRM = "confirm"
    REFUSE_CONFIRMATION = "refuse_confirmation"
    DECLINE = "decline"
    CANCEL = "cancel"
    CHECK_IN = "check_in"
    REFUSE_CHECK_IN = "refuse_check_in"
    DENY = "deny"
    MARK_NO_SHOW = "mark_no_show"
    CHECK_OUT = "check_out"
    LAPSE = "lapse"
    ERASE = "erase"


_S, _M = VisitState, VisitMove

LIFE_CYCLE: dict[tuple[VisitState, VisitMove], VisitState] = {
    (_S.REQUESTED, _M.CONFIRM): _S.CONFIRMED,
    (_S.REQUESTED, _M.REFUSE_CONFIRMATION): _S.REQUESTED,
    (_S.REQUESTED, _M.DECLINE): _S.DECLINED,
    (_S.REQUESTED, _M.CANCEL): _S.CANCELLED,
    (_S.REQUESTED, _M.LAPSE): _S.CANCELLED,
    (_S.REQUESTED, _M.ERASE): _S.CANCELLED,
    (_S.CONFIRMED, _M.CHECK_IN): _S.CHECKED_IN,
    (_S.CONFIRMED, _M.REFUSE_CHECK_IN): _S.CONFIRMED,
    (_S.CONFIRMED, _M.CANCEL): _S.CANCELLED,
    (_S.CONFIRMED, _M.DENY): _S.DENIED_AT_DOOR,
    (_S.CONFIRMED, _M.MARK_NO_SHOW): _S.NO_SHOW,
    (_S.CONFIRMED, _M.ERASE): _S.CANCELLED,
    (_S.CHECKED_IN, _M.CHECK_OUT): _S.CHECKED_OUT,
    (_S.CHECKED_IN, _M.ERASE): _S.CHECKED_IN,
    (_S.CHECKED_OUT, _M.ERASE): _S.CHECKED_OUT,
    (_S.DECLINED, _M.ERASE): _S.DECLINED,
    (_S.CANCELLED, _M.ERASE): _S.CANCELLED,
    (_S.NO_SHOW, _M.ERASE): _S.NO_SHOW,
    (_S.DENIED_AT_DOOR, _M.ERASE): _S.DENIED_AT_DOOR,
}
"""Erasing the person ends a visit that has not begun; one that is under way is still checked out."""

STATES_AHEAD = frozenset({_S.REQUESTED, _S.CONFIRMED})
"""A visit in one of these may still begin."""

STATES_THAT_CONSUME = frozenset({_S.CONFIRMED, _S.CHECKED_IN, _S.CHECKED_OUT})


def states_that_consume(terms: Terms) -> frozenset[VisitState]:
    """The states whose days count against a quota (rule vis6): a no-show's only if the terms say so."""
    return STATES_THAT_CONSUME | {VisitState.NO_SHOW} if terms.no_show_consumes else STATES_THAT_CONSUME
