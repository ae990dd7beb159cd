"""`concordat`, told where to stand still: python -m tests.e2e.stepping FOLDER serve --role worker

At each labelled step it looks into the folder. Where the file `armed` names the label, it says so by renaming the file
to `reached`, and goes on when that is taken away, unless it was killed before.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any

import adapters.inbound.jobs.runner
import adapters.outbound.fabric.gateway.gateway
import app.workers
import concordat.assembly.fabric
from adapters.outbound.fabric.gateway.gateway import Limits
from adapters.outbound.fabric.gateway.transport import GrpcTransport
from adapters.outbound.fabric.ledger import FabricLedger, Patience
from adapters.outbound.sql.attempts import SqlAttempts
from adapters.outbound.sql.log import SqlLog
from app.log.anchorer import Anchorer
from app.log.integrator import Integrator
from app.log.publisher import Publisher
from app.log.signer import Signer
from concordat.main import main

PIPELINE = ("integrate", "grow", "sign", "publish", "show")
"""Steps before the ledger: the transaction of a batch and the growth inside it, the signature, the published
files, the checkpoint that is shown from then on."""

LEDGER = ("head", "unsettled", "newest", "endorse", "keep", "submit", "status", "settle", "evidence", "store")
"""Steps around the ledger, as the crash schedules in virtual time call them."""

_POLL_SECONDS, _MOST_LOOKS = 0.005, 6000
_METHODS = {"Evaluate": "head", "Endorse": "endorse", "Submit": "submit", "CommitStatus": "status"}
_stage: ContextVar[str] = ContextVar("stage", default="")
"""What an endorsement is for, where that is not a transaction."""


def labels(*steps: str) -> list[str]:
    """Before and after each."""
    return [f"{when} {step}" for step in steps for when in ("before", "after")]


@dataclass(frozen=True, slots=True)
class Folder:
    """Both sides of it."""

    path: Path

    @property
    def armed(self) -> Path:
        return self.path / "armed"

    @property
    def reached(self) -> Path:
        return self.path / "reached"

    def arm(self, label: str) -> None:
        """From the test: stand still there."""
        (self.path / "next").write_text(label)
        (self.path / "next").replace(self.armed)

    def release(self) -> None:
        """From the test: go on, if anybody stands there."""
        self.reached.unlink(missing_ok=True)

    async def step(self, label: str) -> None:
        """From the process."""
        try:
            if self.armed.read_text() != label:
                return
            self.armed.rename(self.reached)
        except FileNotFoundError:
            return
        for _ in range(_MOST_LOOKS):
            if not self.reached.exists():
                return
            await asyncio.sleep(_POLL_SECONDS)


Step = Callable[[str], Awaitable[None]]


def around(owner: type, method: str, step: Step, *, before: str = "", after: str = "") -> None:
    """Has the owner's method take these steps."""
    real = getattr(owner, method)

    @wraps(real)
    async def stepped(*arguments: Any, **named: Any) -> Any:
        if before:
            await step(f"before {before}")
        answer = await real(*arguments, **named)
        if after:
            await step(f"after {after}")
        return answer

    setattr(owner, method, stepped)


def around_calls(step: Step) -> None:
    """Has every call of the Gateway take the steps of its method, or of what it is for."""
    real, real_evidence = GrpcTransport.call, FabricLedger.evidence

    async def call(self: GrpcTransport, method: str, request: bytes, *, timeout_seconds: float) -> bytes:
        name = _stage.get() or _METHODS[method]
        await step(f"before {name}")
        answer = await real(self, method, request, timeout_seconds=timeout_seconds)
        await step(f"after {name}")
        return answer

    async def evidence(self: FabricLedger, origin: str, size: int) -> dict[str, object] | None:
        token = _stage.set("evidence")
        try:
            return await real_evidence(self, origin, size)
        finally:
            _stage.reset(token)

    for owner, name, value in ((GrpcTransport, "call", call), (FabricLedger, "evidence", evidence)):
        setattr(owner, name, value)


class Impatient(FabricLedger):
    """Waits for little, so that tests do."""

    def __init__(self, *arguments: Any) -> None:
        patience = Patience(asked_first_seconds=0.3, commit_seconds=0.7, sendings=3)
        super().__init__(*arguments, patience=patience)


def hasten() -> None:
    """What waits for trouble to end looks more often."""
    limits = partial(Limits, evaluate_seconds=1, endorse_seconds=2, submit_seconds=0.7)
    for owner, name, value in (
        (adapters.outbound.fabric.gateway.gateway, "Limits", limits),
        (concordat.assembly.fabric, "FabricLedger", Impatient),
        (adapters.inbound.jobs.runner, "LONGEST_BACKOFF_SECONDS", 0.3),
        (app.workers, "LONGEST_WAIT_SECONDS", 0.3),
        (app.workers, "FIRST_WAIT_SECONDS", 0.1),
    ):
        setattr(owner, name, value)


def instrument(step: Step) -> None:
    """Every labelled step of the worker."""
    around(Integrator, "_integrate", step, before="integrate", after="integrate")
    around(SqlLog, "grow", step, before="grow", after="grow")
    around(Signer, "_signed", step, before="sign", after="sign")
    around(Publisher, "publish", step, before="publish", after="publish")
    around(Signer, "_keep", step, before="show", after="show")
    for name in ("unsettled", "newest", "keep", "settle"):
        around(SqlAttempts, name, step, before=name, after=name)
    around(SqlLog, "add_anchor", step, before="store")
    around(Anchorer, "_settle", step, after="store")
    around_calls(step)


if __name__ == "__main__":
    instrument(Folder(Path(sys.argv.pop(1))).step)
    hasten()
    sys.exit(main())
