"""Servers under load: the product's own process and the bare one that it is compared with, on the same database."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.control import READY as BARE_READY
from benchmarks.stage import Stage
from benchmarks.usage import processor_seconds, resident_megabytes
from tests.support.databases import PostgresDatabase
from tests.support.processes import Process


@dataclass(frozen=True, kw_only=True)
class Target:
    """A server that takes load."""

    host: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def processor_seconds(self) -> float:
        """What it has used so far."""
        return processor_seconds(self.pid)

    @property
    def megabytes(self) -> float:
        """What it has in memory now."""
        return resident_megabytes(self.pid)


@contextmanager
def product(stage: Stage, database: PostgresDatabase) -> Iterator[Target]:
    """`concordat serve --role http` with everything that it does; its log is a file of JSON, as where load is usual."""
    installation = stage.installation(database, log_format="json")
    with installation.serve("--role", "http", name=f"product-{database.name}") as process:
        address = urlsplit(installation.api)
        yield Target(host=str(address.hostname), port=int(address.port or 0), pid=process.pid)


@contextmanager
def bare(stage: Stage, database: PostgresDatabase) -> Iterator[Target]:
    """The control of the read benchmarks."""
    installation = stage.installation(database)
    process = Process(
        [sys.executable, "-m", "benchmarks.control"],
        log=installation.folder / f"bare-{database.name}.log",
        ready=BARE_READY,
        env=installation.environment,
    )
    try:
        found = process.start()
        yield Target(host=found["host"], port=int(found["port"]), pid=process.pid)
    finally:
        process.kill()
