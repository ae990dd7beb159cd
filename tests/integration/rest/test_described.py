"""The API is as it describes itself: whatever is sent, no fault of ours, and no answer but those that are promised.

Schemathesis makes requests out of the OpenAPI document, good ones and bad ones, half of them about objects that there
are. Few of each here; `schemathesis run` against a server makes more.
"""

import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from httpx2 import Request, Response
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ports.caller import Caller
from tests.integration.rest.served import Served
from tests.integration.rest.test_bad_inputs import objects

EXAMPLES = 10
"""Of each kind, for each operation."""

DOCUMENT = json.loads((Path(__file__).parents[3] / "docs/reference/openapi.json").read_text(encoding="utf-8"))
SCHEMA: Any = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {each.label: each for each in (found.ok() for found in SCHEMA.get_all_operations())}
USUAL = settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EVERYTHING = frozenset({"secretary", "concierge", "auditor", "operator"})


def made(operation: Any, mode: GenerationMode, known: dict[str, str] | None) -> list[Any]:
    """Requests, the same in every run; with `known` about these objects."""
    found: list[Any] = []
    path = {} if known is None else {name: known[name] for name in known if f"{{{name}}}" in operation.path}

    @settings(USUAL, suppress_health_check=[*HealthCheck])
    @given(operation.as_strategy(mode, **({"path_parameters": path} if path else {})))
    def collect(case: Any) -> None:
        found.append(case)

    # Where every text is a good one, there are no bad requests.
    with suppress(Unsatisfiable):
        collect()
    return found


async def sent(case: Any, served: Served, who: Caller) -> Response:
    async with served.client(who, EVERYTHING) as client:
        told = case.as_transport_kwargs(base_url="http://api.test", headers=dict(client.headers))
        body = {"content": told["data"]} if "data" in told else {"json": told["json"]} if "json" in told else {}
        headers = {name: str(value) for name, value in told["headers"].items() if name.lower() != "content-length"}
        return await client.request(told["method"], told["url"], params=told.get("params"), headers=headers, **body)


async def close_at_hand(served: Served, label: str) -> dict[str, str]:
    """Objects for an operation, the visit as far along as the operation needs it."""
    known, scene = await objects(served), served.scene
    known |= {"origin": (await served.world.backlog.directory())[0].origin, "tile": "0/000"}
    if label.endswith(("/confirm", "/decline")):
        known["visit_id"] = str((await scene.requested((await scene.member()).id)).id)
    elif label.endswith(("/check-in", "/cancel", "/deny")):
        known["visit_id"] = str((await scene.confirmed((await scene.member()).id)).id)
    return known


@pytest.mark.parametrize("label", OPERATIONS)
async def test_answers_are_those_that_the_document_promises(served: Served, label: str) -> None:
    operation, known = OPERATIONS[label], await close_at_hand(served, label)
    who = served.scene.host if "{visit_id}" in label else served.scene.home
    cases = [case for mode in GenerationMode for about in (None, known) for case in made(operation, mode, about)]
    assert len(cases) >= 2
    for case in cases:
        case.validate_response(await sent(case, served, who), checks=CHECKS)


def test_every_operation_is_tried() -> None:
    assert len(OPERATIONS) == sum(len(methods) for methods in DOCUMENT["paths"].values())


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, {"type": "x", "title": "x", "status": 500, "detail": "x", "instance": "x"}, "application/problem+json"),
        (418, {}, "application/json"),
        (200, {"data": []}, "application/json"),
        (200, {"data": [], "meta": {"next": None, "prev": 7}}, "application/json"),
        (200, {"data": [], "meta": {"next": None, "prev": None}}, "text/html"),
        (422, {"type": "x"}, "application/problem+json"),
    ],
)
def test_answers_that_nobody_promised_are_reported(status: int, body: Any, kind: str) -> None:
    case = made(OPERATIONS["GET /v1/visits"], GenerationMode.POSITIVE, None)[0]
    request = Request("GET", "http://api.test/v1/visits")
    answer = Response(status, content=json.dumps(body), headers={"content-type": kind}, request=request)
    answer.elapsed = timedelta()
    with pytest.raises(FailureGroup):
        case.validate_response(answer, checks=CHECKS)
