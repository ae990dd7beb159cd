"""What pairs settle over REST: both clubs read the same, a third one nothing, and the proof verifies offline."""

from adapters.outbound.signatures import SIGNATURES
from core.log.settlements import check_proof
from tests.integration.rest.served import Served
from tests.support.scenes import found
from tests.support.settling import MARCH, after_march, settle, visited
from tests.support.world import caller


async def test_both_clubs_read_where_a_month_stands_and_get_the_proof_of_a_visit(served: Served) -> None:
    (visit,) = await visited(served.scene, 1)
    async with served.client(served.scene.home) as client:
        early = await client.get(f"/v1/visits/{visit}/settlement")
        (waiting,) = (await client.get("/v1/settlements")).json()["data"]
    assert (early.status_code, early.json()["type"]) == (404, "settlement/not-settled")
    assert (early.json()["period"], early.json()["state"]) == (MARCH, "open")
    assert (waiting["state"], waiting["period"], waiting["commitment"]) == ("open", MARCH, None)
    after_march(served.world)
    await settle(served.world, served.scene.home, served.scene.host)
    bundle = await served.world.log.trust.bundle()
    answers = []
    for club in (served.scene.home, served.scene.host):
        async with served.client(club) as client:
            (settled,) = (await client.get("/v1/settlements")).json()["data"]
            proof = await client.get(f"/v1/visits/{visit}/settlement")
        assert (settled["state"], settled["only_first"], settled["only_second"]) == ("settled", [], [])
        assert (proof.status_code, proof.headers["content-type"]) == (200, "application/json")
        checked = check_proof(proof.content, bundle.ledger, SIGNATURES)
        assert checked.step is None, checked.reason
        answers.append((settled, proof.content))
    assert answers[0] == answers[1]


async def test_a_third_club_reads_nothing_and_is_told_of_a_visit_as_of_an_unknown_one(served: Served) -> None:
    (visit,) = await visited(served.scene, 1)
    after_march(served.world)
    await settle(served.world, served.scene.home, served.scene.host)
    same = {"x-request-id": str(served.world.new_id())}
    async with served.client(caller((await found(served.world, "meadow")).id, "eve")) as eve:
        assert (await eve.get("/v1/settlements")).json()["data"] == []
        theirs, unknown = [
            await eve.get(f"/v1/visits/{key}/settlement", headers=same) for key in (visit, served.world.new_id())
        ]
    assert (theirs.status_code, theirs.json()) == (404, unknown.json())


async def test_a_visit_that_nobody_came_by_is_not_among_what_is_settled(served: Served) -> None:
    visit = await served.scene.confirmed((await served.scene.member()).id)
    async with served.client(served.scene.host) as client:
        answer = await client.get(f"/v1/visits/{visit.id}/settlement")
    assert (answer.status_code, answer.json()["type"]) == (404, "visit/never-checked-in")
