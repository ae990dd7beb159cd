"""What the tests of the gRPC edge share: a told server, and everything that is logged meanwhile."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.grpc.served import Served, serving


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    """Also keeps tracebacks of expected errors out of the output."""
    with capture_logs() as captured:
        yield captured


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as served:
        yield served
