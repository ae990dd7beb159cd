"""What the tests of the REST edge share: the fake module behind the real edge, and the logs that it writes."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from httpx2 import AsyncClient
from structlog.testing import capture_logs

from tests.unit.rest.fake import Served, serve


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[Any]]:
    """Everything that was logged; also keeps tracebacks of expected errors out of the output."""
    with capture_logs() as captured:
        yield captured


@pytest.fixture(scope="session")
def app() -> Served:
    """Made once, since making it takes longer than most tests."""
    return serve()


@pytest.fixture
def served(app: Served) -> Served:
    """The app with nothing kept and nothing counted yet."""
    app.things.forget()
    return app


@pytest.fixture
async def client(served: Served) -> AsyncIterator[AsyncClient]:
    async with served.client() as client:
        yield client
