"""The API as the whole product offers it, held against the snapshot that reviewers see change.

A change that is meant is written down with `CONCORDAT_TEST_SNAPSHOT=write` in the environment.
"""

import json
import os
from pathlib import Path

from adapters.inbound.rest.edge.metrics import Metrics
from concordat.container import running
from concordat.edges import rest_app
from concordat.readiness import Readiness
from concordat.settings import load

SNAPSHOT = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"


async def test_the_api_is_the_one_in_the_snapshot(tmp_path: Path) -> None:
    async with running(load(profile="local", data_folder=tmp_path)) as system:
        described = rest_app(system, Readiness(system), Metrics()).openapi()
    found = json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get("CONCORDAT_TEST_SNAPSHOT") == "write":
        SNAPSHOT.write_text(found)
    changed = "the API is another one: where that is meant, run this again with CONCORDAT_TEST_SNAPSHOT=write"
    assert found == SNAPSHOT.read_text(), changed
