"""The receipt of a visit over REST: whose it is, when there is one, and that it is that of its check-in."""

from adapters.outbound.signatures import SIGNATURES
from core.log.receipts import State, Validity, verify_bytes
from tests.integration.rest.served import Served
from tests.support.scenes import found
from tests.support.world import caller

TEXT = {"accept": "text/plain"}


async def test_the_receipt_of_a_visit_is_that_of_its_check_in_in_both_spellings_and_for_both_clubs(
    served: Served,
) -> None:
    decision = await served.scene.checked_in((await served.scene.member()).id)
    assert decision.visit is not None
    await served.world.clubs.visits.check_out(served.scene.host, decision.visit.id)
    await served.world.settle()
    bundle = await served.world.log.trust.bundle()
    for club in (served.scene.home, served.scene.host):
        async with served.client(club) as client:
            for headers, kind in (({}, "application/json"), (TEXT, "text/plain; charset=utf-8")):
                of_visit = await client.get(f"/v1/visits/{decision.visit.id}/receipt", headers=headers)
                of_event = await client.get(f"/v1/log/receipts/{decision.receipt}", headers=headers)
                assert (of_visit.status_code, of_visit.headers["content-type"]) == (200, kind)
                assert of_visit.content == of_event.content
                verified = verify_bytes(of_visit.content, bundle, SIGNATURES)
                assert (verified.validity, verified.state) == (Validity.VALID, State.ANCHORED)


async def test_a_receipt_that_is_not_signed_yet_may_be_asked_for_again(served: Served) -> None:
    decision = await served.scene.checked_in((await served.scene.member()).id)
    assert decision.visit is not None
    async with served.client(served.scene.home) as client:
        early = await client.get(f"/v1/visits/{decision.visit.id}/receipt")
        await served.world.pipeline.integrate()
        await served.world.pipeline.sign()
        later = await client.get(f"/v1/visits/{decision.visit.id}/receipt")
    assert (early.status_code, early.json()["type"]) == (503, "log/not-yet-signed")
    assert (early.headers["retry-after"], early.json()["event_id"]) == ("1", str(decision.receipt))
    assert (later.status_code, later.json()["evidence"]) == (200, None)


async def test_a_visit_that_nobody_came_by_has_no_receipt_and_says_so(served: Served) -> None:
    visit = await served.scene.confirmed((await served.scene.member()).id)
    await served.world.settle()
    async with served.client(served.scene.host) as client:
        answer = await client.get(f"/v1/visits/{visit.id}/receipt")
    assert (answer.status_code, answer.json()["type"]) == (404, "visit/never-checked-in")


async def test_the_receipt_of_other_clubs_visit_is_told_as_that_of_an_unknown_one(served: Served) -> None:
    decision = await served.scene.checked_in((await served.scene.member()).id)
    assert decision.visit is not None
    await served.world.settle()
    same = {"x-request-id": str(served.world.new_id())}
    async with served.client(caller((await found(served.world, "meadow")).id, "eve")) as eve:
        theirs, unknown = [
            await eve.get(f"/v1/visits/{key}/receipt", headers=same)
            for key in (decision.visit.id, served.world.new_id())
        ]
    assert (theirs.status_code, theirs.json()["type"]) == (404, "request/not-found")
    assert theirs.content == unknown.content


async def test_whoever_may_not_read_receipts_gets_none_of_a_visit(served: Served) -> None:
    async with served.client(served.scene.home, frozenset({"operator"})) as client:
        answer = await client.get(f"/v1/visits/{served.world.new_id()}/receipt")
    assert (answer.status_code, answer.json()["permission"]) == (403, "clubs.visit.read")
