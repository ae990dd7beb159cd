"""What a report was made on: without it a figure means nothing."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from tests.support import postgres

_PACKAGES = (
    *("asyncpg", "cryptography", "fastapi", "msgspec", "pydantic", "pyseto", "sqlalchemy"),
    *("starlette", "structlog", "uvicorn", "uvloop"),
)


def described() -> dict[str, object]:
    """Machine, versions and commit."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgres": postgres.version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "commit": _commit(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _commit() -> str:
    """With a mark if the checkout differs from it; empty outside a checkout."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip()
