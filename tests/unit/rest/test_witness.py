"""The witness over REST, byte for byte as tlog-witness has it: no token, bounded, counted, and a fork is told."""

from typing import Any

import pytest
from httpx2 import Response

from adapters.inbound.limits import Limits
from adapters.inbound.rest.witness import STATUS, witness_router
from adapters.outbound.inprocess.rates import InProcessRates
from app.log.cosigner import Cosigner
from core.log.cosigning import MAX_REQUEST
from core.log.witness import Reason
from ports.rates import Policy
from tests.contracts.cosigners import REFUSED, request_of
from tests.contracts.ledger import FORKED, HONEST
from tests.support.witnesses import cosigner
from tests.unit.rest.fake import Served, serve

PATH = "/witness/add-checkpoint"


def served(witness: Cosigner | None = None, **more: Any) -> Served:
    return serve(routers=[witness_router(witness or cosigner("peak", HONEST.key))], **more)


async def posted(app: Served, body: object, **headers: str) -> Response:
    async with app.client(token=None) as client:
        content = body if isinstance(body, bytes) else str(body).encode()
        return await client.post(PATH, content=content, headers=headers)


async def test_a_cosignature_is_a_line_of_text_for_anybody_who_shows_the_log_s_signature() -> None:
    answer = await posted(served(), request_of(5))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text.startswith("\u2014 peak.test/witness ")
    assert answer.text.endswith("\n") and answer.text.count("\n") == 1
    assert answer.headers["cache-control"] == "no-store"


async def test_a_client_that_declares_no_type_or_a_strange_one_is_answered_alike() -> None:
    app = served()
    for headers in ({}, {"content-type": "application/octet-stream"}, {"accept": "application/json"}):
        assert (await posted(app, request_of(5, 0 if not headers else 5), **headers)).status_code == 200


async def test_a_conflict_is_the_size_that_is_held_and_nothing_else() -> None:
    app = served()
    await posted(app, request_of(5))
    answer = await posted(app, request_of(8))
    assert (answer.status_code, answer.content) == (409, b"5\n")
    assert answer.headers["content-type"] == "text/x.tlog.size"


@pytest.mark.parametrize("name", REFUSED)
async def test_every_other_refusal_is_a_problem_with_its_status(name: str) -> None:
    request, status = REFUSED[name]
    app = served()
    await posted(app, request_of(5))
    answer = await posted(app, request)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status


def test_whatever_the_rule_of_witnesses_says_has_a_status() -> None:
    said = {"malformed", "unknown-origin", "bad-signature", "wrong-old-size", "fork", "bad-proof"}
    assert set(STATUS) == {Reason(each) for each in said}


async def test_a_fork_is_told_with_both_notes_that_prove_it_and_a_bad_proof_is_not(logs: list[Any]) -> None:
    app = served()
    await posted(app, request_of(5))
    await posted(app, request_of(8, 5, FORKED))
    assert not [each for each in logs if each["event"] == "log forked"]
    await posted(app, request_of(5, 5, FORKED))
    (told,) = [each for each in logs if each["event"] == "log forked"]
    assert (told["log_level"], told["origin"]) == ("error", HONEST.origin)
    assert told["notes"] == (HONEST.note(5), FORKED.note(5))


@pytest.mark.parametrize("size", [MAX_REQUEST + 1, 1_000_001])
async def test_a_huge_body_is_not_read_to_its_end(size: int) -> None:
    answer = await posted(served(), b"x" * size)
    assert (answer.status_code, answer.json()["type"]) == (413, "request/too-large")


async def test_a_deployment_that_is_no_witness_knows_no_log() -> None:
    app = serve(routers=[witness_router(None)])
    for body in (request_of(5), b"", b"\xff" * 100):
        assert (await posted(app, body)).status_code == 404


async def test_other_methods_are_refused() -> None:
    async with served().client(token=None) as client:
        assert (await client.get(PATH)).status_code == 405


async def test_requests_of_one_address_are_counted_good_ones_too() -> None:
    policy = Policy(name="requests", quota=3, window_seconds=60)
    app = served(limits=Limits(rates=InProcessRates(lambda: 0), requests=policy))
    found = [
        (await posted(app, body)).status_code for body in (request_of(5), b"x", request_of(8, 5), request_of(9, 8))
    ]
    assert found == [200, 400, 200, 429]
