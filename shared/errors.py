"""The kinds of refusal that the system knows; every error of it is one of these, with a stable code and parameters.

No edge word (HTTP status, gRPC code) stands here: one table per edge maps kinds to its own words.
"""

from collections.abc import Mapping
from typing import ClassVar


class ConcordatError(Exception):
    """A refusal that a caller may see: a code that is stable for ever, a fact as title, machine-readable parameters."""

    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, **parameters: object) -> None:
        super().__init__(self.code)
        self.parameters: Mapping[str, object] = parameters

    def __str__(self) -> str:
        """What it is; the remedy, which is a sentence of its own, is shown by whoever knows the reader."""
        shown = ", ".join(f"{name}={value}" for name, value in self.parameters.items() if name != "remedy")
        return f"{self.title} [{self.code}]" + (f" ({shown})" if shown else "")


def code_of(error: BaseException) -> str:
    """The code of a refusal, the name of the class of any other error: never its text, which may quote a person."""
    return error.code if isinstance(error, ConcordatError) else type(error).__name__


class Invalid(ConcordatError):
    """The command says something that can never be right, whatever the state."""

    code = "request/invalid"
    title = "The request is not valid."


class Unauthenticated(ConcordatError):
    """Nobody vouches for the caller."""

    code = "auth/unauthenticated"
    title = "A valid access token is required."


class Forbidden(ConcordatError):
    """The caller is known, and may not do this."""

    code = "auth/forbidden"
    title = "The caller lacks the permission for this."


class NotFound(ConcordatError):
    """There is no such thing for this caller; another club's thing is the same as none."""

    code = "request/not-found"
    title = "There is no such object."


class Conflict(ConcordatError):
    """The command is well-formed and permitted, and the present state refuses it."""

    code = "request/conflict"
    title = "The present state does not allow this."


class StaleVersion(Conflict):
    """Somebody changed the aggregate since the caller read it (rule sh1). Parameters: expected, found."""

    code = "request/stale-version"
    title = "The object has changed since it was read."


class Busy(ConcordatError):
    """The same thing is under way right now; a retry is safe."""

    code = "request/in-flight"
    title = "The same request is still being worked on."


class TooOften(ConcordatError):
    """The caller asks more often than it may; a retry is safe. Parameter: retry_after_seconds."""

    code = "request/too-often"
    title = "This has been asked too often."

    def __init__(self, *, retry_after_seconds: int = 1) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(ConcordatError):
    """Something that the answer needs cannot be had now; a retry is safe."""

    code = "system/unavailable"
    title = "A part that this needs is not available now."
