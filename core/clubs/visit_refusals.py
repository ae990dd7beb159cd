"""Why a command about a visit conflicts; a refusal by verdict is no error but an outcome (rule vis0)."""

from shared.errors import Conflict, Invalid


class WrongState(Conflict):
    """The visit's state has no such move. Parameters: state, move."""

    code = "visit/wrong-state"
    title = "The visit is in another state."


class AlreadyCheckedIn(Conflict):
    """The member has an open check-in, in this visit or another (rule vis5)."""

    code = "visit/already-checked-in"
    title = "The member is checked in already."


class WrongClubs(Invalid):
    """Host and home are not the two parties of the agreement (rule vis2)."""

    code = "visit/wrong-clubs"
    title = "A visit is between the two clubs of the agreement."


class ForeignVerdict(Conflict):
    """The verdict was given on another visit, another stay, other terms or another instant. Parameter: field."""

    code = "visit/foreign-verdict"
    title = "This verdict was not given on this decision."


class NotYet(Conflict):
    """The visit's first day has not begun in the host's zone. Parameter: first_day."""

    code = "visit/not-yet"
    title = "The visit has not begun."


class WindowOver(Conflict):
    """The visit's days are over in the host's zone. Parameter: last_day."""

    code = "visit/window-over"
    title = "The days of the visit are over."


class WindowOpen(Conflict):
    """A no-show cannot be said before the visit's days are over in the host's zone. Parameter: last_day."""

    code = "visit/window-open"
    title = "The days of the visit are not over yet."


class NotDue(Conflict):
    """Time alone has nothing to make of this visit: its days or its house are not over, or it has ended (rule vis3)."""

    code = "visit/not-due"
    title = "The visit has not run out."


class CheckOutNotAfterCheckIn(Conflict):
    """A check-out comes after its check-in (rule vis11). Parameter: checked_in_at."""

    code = "visit/check-out-not-after-check-in"
    title = "A check-out has to be later than the check-in."
