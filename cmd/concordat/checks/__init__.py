"""What `doctor` and readiness look at: each check says what it found and, where that is not right, what to do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from concordat.settings import without_password
from shared.errors import ConcordatError

Ask = Callable[[], Awaitable[object]]


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


async def examine_port(subject: str, port: object, url: str, ask: Ask) -> Check:
    """Whether it answers."""
    adapter = adapter_of(port, url)
    try:
        await ask()
    except ConcordatError as error:
        advice = str(error.parameters.get("remedy", ""))
        return Check(subject=subject, adapter=adapter, state=State.FAILED, found=str(error), advice=advice)
    return Check(subject=subject, adapter=adapter, found="answers")


def adapter_of(port: object, url: str) -> str:
    """What serves the port, and what the settings say of it."""
    return f"{type(port).__name__} ({without_password(url)})"
