"""Structured logs of the whole process: one line per event on standard error, as JSON or for people, without secrets.

Request and trace ids come in through structlog's contextvars, which the edges bind.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any

import structlog
from structlog.typing import Processor

from concordat.settings import without_password

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
    """Send structlog and the standard library's logging the same way; may be called again."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendering(form)))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))


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
    return value if value is None or isinstance(value, bool | int | float) else _hidden(str(value))


def _rendering(form: str) -> list[Processor]:
    """Exceptions become text before secrets are hidden, since a traceback may quote one."""
    first: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if form == "json":
        return [
            *first,
            structlog.processors.format_exc_info,
            hide_secrets,
            structlog.processors.JSONRenderer(default=str),
        ]
    plain = structlog.dev.plain_traceback
    console = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
    return [*first, structlog.processors.format_exc_info, hide_secrets, console]
