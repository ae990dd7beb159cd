"""Should this process be sent requests? Asked by probes, many times a second, so that an answer holds for a moment."""

import asyncio
from collections.abc import Mapping
from time import monotonic

import structlog

from concordat.checks import State
from concordat.checks.database import UNKNOWN_SCHEMA, examine_database
from concordat.checks.safety import unsafe_settings
from concordat.container import System

HOLDS_SECONDS = 1.0
ANSWER_SECONDS = 3.0

_log = structlog.get_logger(__name__)


class Readiness:
    """Ready when settings are safe, the database answers with our schema and rights, and no log is frozen."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._unsafe = [each.found for each in unsafe_settings(system.settings) if each.state is State.FAILED]
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._reasons: Mapping[str, list[str]] = {}
        self._draining = False

    def drain(self) -> None:
        """From now on not ready, whatever else."""
        self._draining = True

    async def __call__(self) -> Mapping[str, bool]:
        """Of each part, whether it is all right."""
        return {part: not found for part, found in (await self.reasons()).items()}

    async def reasons(self) -> Mapping[str, list[str]]:
        """What is wrong with each part; nothing where it is all right."""
        async with self._asking:
            if monotonic() - self._asked_at > HOLDS_SECONDS:
                found = await self._ask()
                if found != self._reasons and any(found.values()):
                    _log.error("not ready", reasons=[reason for reasons in found.values() for reason in reasons])
                self._reasons, self._asked_at = found, monotonic()
        return {**self._reasons, "serving": ["the process is being stopped"] if self._draining else []}

    async def _ask(self) -> Mapping[str, list[str]]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                checks = await examine_database(self._system.database)
            # A newer version may migrate while this process serves: it began with a schema that it knew.
            failed = [each for each in checks if each.state is State.FAILED and each != UNKNOWN_SCHEMA]
            database = [f"{each.subject}: {each.found}" for each in failed]
        except TimeoutError:
            database = ["the database does not answer in time"]
        return {"settings": self._unsafe, "database": database, "log": self._system.alarms()}
