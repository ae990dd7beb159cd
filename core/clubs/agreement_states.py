"""The life cycle of an agreement as a table (rule agr2), and what a visitor finds in each state."""

from enum import StrEnum

from core.clubs.terms import AgreementStatus


class AgreementState(StrEnum):
    """Where an agreement stands in its life cycle (rule agr2)."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    COUNTERED = "countered"
    ACCEPTED = "accepted"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    TERMINATED = "terminated"


class AgreementMove(StrEnum):
    """What the clubs, or the passing of time, may do to an agreement."""

    PROPOSE = "propose"
    COUNTER = "counter"
    ACCEPT = "accept"
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    LIFT = "lift"
    GIVE_NOTICE = "give_notice"
    AMEND = "amend"
    EXPIRE = "expire"
    TERMINATE = "terminate"


_S, _M = AgreementState, AgreementMove

LIFE_CYCLE: dict[tuple[AgreementState, AgreementMove], AgreementState] = {
    (_S.DRAFT, _M.PROPOSE): _S.PROPOSED,
    (_S.PROPOSED, _M.COUNTER): _S.COUNTERED,
    (_S.PROPOSED, _M.ACCEPT): _S.ACCEPTED,
    (_S.COUNTERED, _M.COUNTER): _S.COUNTERED,
    (_S.COUNTERED, _M.ACCEPT): _S.ACCEPTED,
    (_S.ACCEPTED, _M.ACTIVATE): _S.ACTIVE,
    (_S.ACTIVE, _M.AMEND): _S.ACTIVE,
    (_S.ACTIVE, _M.ACCEPT): _S.ACTIVE,
    (_S.ACTIVE, _M.SUSPEND): _S.SUSPENDED,
    (_S.ACTIVE, _M.GIVE_NOTICE): _S.ACTIVE,
    (_S.ACTIVE, _M.EXPIRE): _S.EXPIRED,
    (_S.ACTIVE, _M.TERMINATE): _S.TERMINATED,
    (_S.SUSPENDED, _M.LIFT): _S.ACTIVE,
    (_S.SUSPENDED, _M.GIVE_NOTICE): _S.SUSPENDED,
    (_S.SUSPENDED, _M.EXPIRE): _S.EXPIRED,
    (_S.SUSPENDED, _M.TERMINATE): _S.TERMINATED,
}

STATUS_BY_STATE = {
    _S.ACTIVE: AgreementStatus.ACTIVE,
    _S.SUSPENDED: AgreementStatus.SUSPENDED,
    _S.EXPIRED: AgreementStatus.EXPIRED,
    _S.TERMINATED: AgreementStatus.TERMINATED,
}
