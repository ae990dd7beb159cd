"""Why a decision about an agreement is refused."""

from shared.errors import Conflict, Invalid, NotFound


class SameClub(Invalid):
    """An agreement of a club with itself (rule agr1)."""

    code = "agreement/same-club"
    title = "An agreement is between two different clubs."


class NotAParty(NotFound):
    """For a third club there is no such agreement: the same answer as for an unknown one."""


class WrongState(Conflict):
    """The agreement's state has no such move. Parameters: state, move."""

    code = "agreement/wrong-state"
    title = "The agreement is in another state."


class NotCoSigned(Conflict):
    """Activation before both clubs accepted the identical terms (rule agr2). Parameters: state."""

    code = "agreement/not-co-signed"
    title = "Both clubs have to accept the same terms first."


class NotYourTurn(Conflict):
    """The version on the table is the club's own; the other club answers it. Parameter: number."""

    code = "agreement/not-your-turn"
    title = "It is the other club's turn."


class AlreadyAccepted(Conflict):
    """The club has accepted this version before; proposing terms accepts them. Parameter: number."""

    code = "agreement/already-accepted"
    title = "The club has accepted these terms already."


class TermsDiffer(Conflict):
    """The accepted hash is not that of the version on the table (rule agr2). Parameter: number."""

    code = "agreement/terms-differ"
    title = "The terms on the table are others than the accepted ones."


class NotTheSuspender(Conflict):
    """Only the club that suspended may lift the suspension (rule agr5)."""

    code = "agreement/not-the-suspender"
    title = "The club that suspended the agreement has to lift the suspension."


class NoticeGiven(Conflict):
    """Notice was given before. Parameter: terminates_at."""

    code = "agreement/notice-given"
    title = "Notice has been given already."


class NotDue(Conflict):
    """Neither the effective window nor a notice has run out (rule agr4)."""

    code = "agreement/not-due"
    title = "The agreement has not run out yet."


class NotInForce(Conflict):
    """No version of the terms ever came into force, so there is nothing to judge a visit by."""

    code = "agreement/not-in-force"
    title = "The agreement has never come into force."


class TooManyVersions(Conflict):
    """The agreement has as many versions of its terms as one can have. Parameter: most."""

    code = "agreement/too-many-versions"
    title = "This agreement has too many versions; draft a new one."
