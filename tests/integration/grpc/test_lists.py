"""Pages of visits: by cursors that are good for one list of one club, forwards and backwards."""

from datetime import timedelta
from typing import Any

import grpc

from adapters.inbound.grpc.clubs.views import STATES
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from tests.integration.grpc.network import Client, Network, refusal
from tests.support.scenes import found
from tests.support.world import TODAY, caller


async def _listed(client: Client, **asked: Any) -> pb.ListVisitsResponse:
    page: pb.ListVisitsResponse = await client.visits.ListVisits(
        pb.ListVisitsRequest(**asked), metadata=client.saying()
    )
    return page


async def _requested(network: Network, count: int) -> list[str]:
    member = await network.scene.member()
    days = [TODAY + timedelta(days=31 * number) for number in range(count)]
    return [str((await network.scene.requested(member.id, day)).id) for day in days]


def _ids(page: pb.ListVisitsResponse) -> list[str]:
    return [visit.id for visit in page.data]


async def test_pages_forwards_and_backwards_hold_every_visit_once(network: Network) -> None:
    visits = await _requested(network, 5)
    for client in (network.home, network.host):
        first = await _listed(client, limit=2)
        second = await _listed(client, limit=2, cursor=first.next)
        third = await _listed(client, limit=2, cursor=second.next)
        assert [_ids(page) for page in (first, second, third)] == [visits[:2], visits[2:4], visits[4:]]
        assert (first.prev, third.next) == ("", "")
        assert _ids(await _listed(client, limit=2, cursor=third.prev)) == visits[2:4]
        assert _ids(await _listed(client, limit=200)) == visits


async def test_filter_shows_one_state_and_its_cursors_are_good_for_no_other(network: Network) -> None:
    visits = await _requested(network, 3)
    await network.host.confirm(visits[1])
    for state, expected in (
        (pb.VISIT_STATE_CONFIRMED, visits[1:2]),
        (pb.VISIT_STATE_REQUESTED, [visits[0], visits[2]]),
        (pb.VISIT_STATE_NO_SHOW, []),
        (pb.VISIT_STATE_UNSPECIFIED, visits),
    ):
        assert _ids(await _listed(network.home, state=state)) == expected
    page = await _listed(network.home, limit=1, state=pb.VISIT_STATE_REQUESTED)
    assert _ids(await _listed(network.home, cursor=page.next, state=pb.VISIT_STATE_REQUESTED)) == visits[2:]
    await _refused(network.home, cursor=page.next)
    await _refused(network.home, cursor=page.next, state=pb.VISIT_STATE_CONFIRMED)


async def test_cursor_of_another_club_or_an_altered_one_is_refused(network: Network) -> None:
    await _requested(network, 2)
    cursor = (await _listed(network.home, limit=1)).next
    await _refused(network.host, cursor=cursor)
    for at in range(len(cursor)):
        altered = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        await _refused(network.home, cursor=altered)


async def test_club_that_is_no_party_sees_an_empty_list(network: Network) -> None:
    await _requested(network, 1)
    eve = network.client(caller((await found(network.world, "meadow")).id, "eve"))
    assert await _listed(eve) == pb.ListVisitsResponse()


def test_every_state_has_a_number_of_its_own() -> None:
    named = {name for name, number in pb.VisitState.items() if number}
    assert {pb.VisitState.Name(number) for number in STATES.values()} == named


async def _refused(client: Client, **asked: Any) -> None:
    refused = await refusal(client.visits.ListVisits(pb.ListVisitsRequest(**asked), metadata=client.saying()))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "request/bad-cursor")
