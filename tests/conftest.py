"""What every test may ask for (a real Postgres, a port) and the closing lines that say which engines ran."""

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping

import pytest
import structlog
from hypothesis import HealthCheck, settings

from concordat import telemetry
from concordat.garbage import collect_from_now_on, leave_until_started
from concordat.stopping import new_loop
from tests.support import engines, fabric_programs, node
from tests.support.postgres import PostgresServer, version

# Thousands of tests are collected, none of which is garbage before the end: looking for some among them takes seconds.
leave_until_started()

# The suites carry the assertions of every backend, yet are no test files themselves.
pytest.register_assert_rewrite("tests.contracts")

# Its usual console draws tracebacks with every variable in them, which takes seconds for each. The list is the one of
# the product from the beginning: a logger keeps the list that it was first used with, and is captured through that.
telemetry._OWN[:] = [structlog.processors.add_log_level, structlog.processors.KeyValueRenderer()]
structlog.configure(processors=telemetry._OWN)

# Examples are the same in every run, so that a red run can be repeated; slow machines do not fail a property.
settings.register_profile(
    "concordat", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("concordat")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test runs on the loop that the product runs on."""
    return {"product": new_loop}


def pytest_collection_finish() -> None:
    collect_from_now_on()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One real server per worker. It is never skipped: where it cannot start, the tests that need it fail."""
    with PostgresServer() as server:
        engines.ran("postgres", f"real {version()}")
        yield server


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["engines"] = engines.seen()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    engines.merge(getattr(node, "workeroutput", {}).get("engines", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    idle = {
        "postgres": ["not run"],
        "postgres with TLS": ["not run"],
        "fabric": [fabric_programs.idle()],
        "buf": ["not run" if shutil.which("npx") else "not run (no Node)"],
        "node": [node.lacking() or "not run"],
    }
    terminalreporter.section("engines")
    for name, noted in {**idle, **engines.seen()}.items():
        terminalreporter.write_line(f"{name}: {engines.told(noted)}")
