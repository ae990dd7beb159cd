"""What `doctor` and readiness look at: each check says what it found and, where that is not right, what to do."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """With a FAILED check the system must not serve; a WARNING is for somebody to decide."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`subject` is the port or the group of settings, `adapter` what serves it; texts hold no secret."""

    subject: str
    adapter: str = ""
    state: State = State.OK
    found: str
    advice: str = ""
