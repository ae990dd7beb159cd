"""What the audit has to know of the clubs: their events, which of them erase somebody, and the rows beside them."""

from app.clubs.beside import BesideClubs
from app.log.audit.catalogue import Audited
from core.clubs.agreement import (
    AgreementAccepted,
    AgreementActivated,
    AgreementAmendmentProposed,
    AgreementCountered,
    AgreementDrafted,
    AgreementExpired,
    AgreementNoticeGiven,
    AgreementProposed,
    AgreementSuspended,
    AgreementSuspensionLifted,
    AgreementTerminated,
)
from core.clubs.club import ClubAmended, ClubFounded
from core.clubs.member import MemberAmended, MemberEnrolled, MemberErased, MemberFactRecorded
from core.clubs.refused_visit import VisitRefusalErased, VisitRefused
from core.clubs.visit import (
    VisitCancelled,
    VisitCheckedIn,
    VisitCheckedOut,
    VisitCheckInRefused,
    VisitConfirmationRefused,
    VisitConfirmed,
    VisitDeclined,
    VisitDenied,
    VisitErased,
    VisitLapsed,
    VisitMarkedNoShow,
    VisitRequested,
)

AUDITED = Audited(
    events=(
        ClubFounded,
        ClubAmended,
        MemberEnrolled,
        MemberAmended,
        MemberFactRecorded,
        MemberErased,
        AgreementDrafted,
        AgreementProposed,
        AgreementCountered,
        AgreementAmendmentProposed,
        AgreementAccepted,
        AgreementActivated,
        AgreementSuspended,
        AgreementSuspensionLifted,
        AgreementNoticeGiven,
        AgreementExpired,
        AgreementTerminated,
        VisitRequested,
        VisitRefused,
        VisitConfirmed,
        VisitConfirmationRefused,
        VisitCheckedIn,
        VisitCheckInRefused,
        VisitDeclined,
        VisitCancelled,
        VisitLapsed,
        VisitDenied,
        VisitMarkedNoShow,
        VisitCheckedOut,
        VisitErased,
        VisitRefusalErased,
    ),
    erasures=frozenset({MemberErased.type, VisitErased.type, VisitRefusalErased.type}),
    beside=(BesideClubs,),
)
