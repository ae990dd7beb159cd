"""Structured logs of the whole process: one line per event on standard error, as JSON or for people, without secrets.

Request and trace ids come in through structlog's contextvars, which the edges bind.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from functools import lru_cache
from traceback import walk_tb
from typing import Any

import structlog
from structlog.typing import ExcInfo, Processor

from concordat.settings import without_password
from shared.errors import code_of

# Settings of this name are no secrets: what is one in a URL goes by its form.
_SECRET = re.compile(
    r"(?i)password|passphrase|secret(?!s_url)|token(?!_minutes)|seed|authorization|private|salt|cookie"
)
_PASETO = re.compile(r"v4\.(?:public|local)\.[A-Za-z0-9_.-]+")
HIDDEN = "***"

# What libraries say at these levels is no news to whoever runs the product.
_QUIET = dict.fromkeys(("aiosqlite", "alembic", "asyncio", "casbin", "uvicorn.error"), logging.WARNING) | {
    # Every lost connection with its traceback; readiness says the same in a line.
    "asyncpg.pool": logging.CRITICAL
}


def configure(*, level: str, form: str) -> None:
    """Bring structlog and the standard library's logging to the same form; may be called again."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering = _rendering(form, texts=level == "debug")
    # Changed in place: a logger that was used before has this very list.
    _OWN[:] = [
        _loud_enough,
        *shared,
        structlog.stdlib.PositionalArgumentsFormatter(),
        *rendering,
    ]
    structlog.configure(processors=_OWN, logger_factory=_Lines, cache_logger_on_first_use=True)
    handler = logging.StreamHandler(sys.stderr)
    foreign: list[Processor] = [*shared, structlog.stdlib.ExtraAdder()]
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=foreign, processors=last))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))


_OWN: list[Processor] = []
_LEVELS = {name.lower(): level for name, level in logging.getLevelNamesMapping().items()} | {"exception": logging.ERROR}


class _Lines:
    """What our own events are written to: a LogRecord and its handling would cost more than the rest of the line."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def _write(self, line: str) -> None:
        # Nobody's request may fail because its line cannot be written.
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")

    debug = info = warning = error = critical = exception = _write


def _loud_enough(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if _LEVELS[method] < logging.getLogger().level:
        raise structlog.DropEvent
    return event


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Stars for what a name or a form gives away as secret, however deep it stands."""
    event.pop("color_message", None)
    return {name: HIDDEN if _is_secret(name) else _hidden(value) for name, value in event.items()}


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        # Without one of these there is nothing to find, and the access log comes through here with every request.
        suspect = "=" in value or "://" in value or "v4." in value
        return _PASETO.sub(HIDDEN, without_password(value)) if suspect else value
    if isinstance(value, dict):
        return {name: HIDDEN if _is_secret(str(name)) else _hidden(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(item) for item in value]
    if isinstance(value, bytes):
        return HIDDEN
    if isinstance(value, BaseException):
        return code_of(value)
    return value if value is None or isinstance(value, bool | int | float) else _hidden(str(value))


def _frames(exc_info: ExcInfo) -> str:
    """Codes and frames of an exception and of what it came from, the first cause last; and of a group's parts."""
    lines, waiting, seen = list[str](), [exc_info[1]], set[int]()
    while waiting:
        error = waiting.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        lines.append(code_of(error))
        for frame, line in walk_tb(error.__traceback__):
            lines.append(f"  {frame.f_code.co_filename}:{line} in {frame.f_code.co_name}")
        before = error.__cause__ if error.__suppress_context__ else error.__context__
        parts = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
        waiting += [one for one in (before, *parts) if one is not None]
    return "\n".join(lines)


def _rendering(form: str, *, texts: bool) -> list[Processor]:
    """Exceptions become text before secrets are hidden, since a traceback may quote one.

    Without `texts` they are told by code and frames: what an exception says of itself may quote a person.
    """
    exceptions = structlog.processors.format_exc_info if texts else structlog.processors.ExceptionRenderer(_frames)
    if form == "json":
        json = structlog.processors.JSONRenderer(default=str)
        return [exceptions, hide_secrets, json]
    plain = structlog.dev.plain_traceback
    console = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
    return [exceptions, hide_secrets, console]
