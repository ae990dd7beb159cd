"""What comes back when it is not a plain yes: refusals by rule, replays, conflicts, other clubs' objects."""

import asyncio
from datetime import timedelta

import grpc
import pytest

from adapters.inbound.grpc.generated.concordat.v1 import log_pb2 as log
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from app.clubs.visits import CheckIn
from tests.integration.grpc.network import Network, asked, refusal, request_of
from tests.support.scenes import found
from tests.support.world import TODAY, caller

CODE = grpc.StatusCode


async def _quota_used_up(network: Network) -> pb.RequestVisitRequest:
    """A fifth day in a month that allows for four."""
    member, next_month = await network.scene.member(), TODAY.replace(month=TODAY.month + 1, day=1)
    await network.scene.confirmed(member.id, next_month, next_month + timedelta(days=3))
    return request_of(network, member.id, (next_month + timedelta(days=10)).isoformat())


async def test_refusal_by_rule_is_kept_and_told_with_every_failed_rule(network: Network) -> None:
    request, home = await _quota_used_up(network), network.home
    events = await network.events()
    refused = await refusal(home.visits.RequestVisit(request, metadata=home.saying()))
    assert (refused.code, refused.reason) == (CODE.FAILED_PRECONDITION, "visit/quota-exceeded")
    assert refused.details["ErrorInfo"].domain == "concordat"
    assert [each.subject for each in refused.details["PreconditionFailure"].violations] == ["vis6"]
    decision: pb.Decision = refused.details["Decision"]
    assert not decision.eligible
    assert not decision.HasField("visit")
    assert decision.failed[0].parameters["used"].number == 4
    assert decision.failed[0].parameters["days"].WhichOneof("value") is None
    assert decision.receipt == refused.details["ErrorInfo"].metadata["receipt"]
    assert await network.events() > events
    await network.world.settle()
    receipt = await home.log.GetReceipt(log.GetReceiptRequest(event_id=decision.receipt), metadata=home.saying())
    assert receipt.anchored


async def test_replayed_refusal_is_told_the_same_again(network: Network) -> None:
    request, home = await _quota_used_up(network), network.home
    saying = home.saying(idempotency_key="twice")
    first = await refusal(home.visits.RequestVisit(request, metadata=saying))
    events = await network.events()
    again = await refusal(home.visits.RequestVisit(request, metadata=saying))
    assert "idempotency-replayed" not in first.trailing
    assert again.trailing["idempotency-replayed"] == "true"
    assert again.but_for_its_ids == first.but_for_its_ids
    assert await network.events() == events


async def test_replayed_check_in_answers_the_same_and_happens_once(network: Network) -> None:
    visit = str((await network.scene.confirmed((await network.scene.member()).id)).id)
    call = network.host.visits.CheckIn(
        pb.CheckInRequest(visit_id=visit), metadata=network.host.saying(idempotency_key="k")
    )
    first = (await call).decision
    assert "idempotency-replayed" not in dict(await call.trailing_metadata())
    events = await network.events()
    call = network.host.visits.CheckIn(
        pb.CheckInRequest(visit_id=visit), metadata=network.host.saying(idempotency_key="k")
    )
    assert (await call).decision == first
    assert dict(await call.trailing_metadata())["idempotency-replayed"] == "true"
    assert await network.events() == events
    another = await refusal(network.host.check_in(visit, "another"))
    assert (another.code, another.reason) == (CODE.FAILED_PRECONDITION, "visit/already-checked-in")


async def test_key_that_another_edge_was_given_is_replayed_here(network: Network) -> None:
    """The names and inputs of operations are those of REST, so that a retry may come over either edge."""
    scene = network.scene
    visit = await scene.confirmed((await scene.member()).id)
    over_rest = scene.host.under("clubs.visit.check_in", "k", visit.id, CheckIn(residence_proven=False))
    decision = await network.world.clubs.visits.check_in(over_rest, visit.id, CheckIn(residence_proven=False))
    assert (await network.host.check_in(str(visit.id), "k")).receipt == str(decision.receipt)


async def test_key_with_another_request_is_refused(network: Network) -> None:
    scene = network.scene
    visits = [str((await scene.confirmed((await scene.member()).id)).id) for _ in range(2)]
    await network.host.check_in(visits[0], "k")
    mismatch = await refusal(network.host.check_in(visits[1], "k"))
    assert (mismatch.code, mismatch.reason) == (CODE.INVALID_ARGUMENT, "idempotency/mismatch")
    assert (await network.host.get(visits[1])).state == pb.VISIT_STATE_CONFIRMED


async def test_key_in_flight_is_aborted_with_a_time_to_retry(network: Network) -> None:
    scene = network.scene
    visit = await scene.confirmed((await scene.member()).id)
    held = scene.host.under("clubs.visit.check_in", "k", visit.id, CheckIn())
    database = network.world.database
    lock = "\0".join((str(held.club), held.principal, "clubs.visit.check_in", "k"))
    async with database.transaction(scene.host.club, lock):
        busy = await refusal(network.host.check_in(str(visit.id), "k"))
    assert (busy.code, busy.reason) == (CODE.ABORTED, "idempotency/in-flight")
    assert busy.details["RetryInfo"].retry_delay.seconds == 1
    assert (await network.host.check_in(str(visit.id), "k")).eligible


async def test_key_of_another_club_is_independent(network: Network) -> None:
    member = await network.scene.member()
    assert (await asked(network, member.id, TODAY.isoformat(), idempotency_key="k")).eligible
    visit = await network.scene.requested(member.id, TODAY + timedelta(days=1))
    assert (await network.host.confirm(str(visit.id), idempotency_key="k")).eligible


async def test_stale_version_is_aborted_and_nothing_changes(network: Network) -> None:
    visit = await network.scene.requested((await network.scene.member()).id)
    events = await network.events()
    for tag in ('"9"', '"not-ours"', 'W/"1"'):
        stale = await refusal(network.host.confirm(str(visit.id), if_match=tag))
        assert (stale.code, stale.reason) == (CODE.ABORTED, "request/stale-version")
        assert "RetryInfo" not in stale.details
    assert await network.events() == events
    assert (await network.host.confirm(str(visit.id), if_match="*")).eligible


async def test_key_is_looked_up_before_the_version(network: Network) -> None:
    visit = str((await network.scene.requested((await network.scene.member()).id)).id)
    first = await network.host.confirm(visit, idempotency_key="k", if_match='"1"')
    assert await network.host.confirm(visit, idempotency_key="k", if_match='"1"') == first


async def test_receipt_is_unavailable_until_a_checkpoint_covers_it(network: Network) -> None:
    decision = await network.scene.request((await network.scene.member()).id)
    home = network.home
    request = log.GetReceiptRequest(event_id=str(decision.receipt))
    early = await refusal(home.log.GetReceipt(request, metadata=home.saying()))
    assert (early.code, early.reason) == (CODE.UNAVAILABLE, "log/not-yet-signed")
    assert early.details["RetryInfo"].retry_delay.seconds == 1
    assert early.details["ErrorInfo"].metadata["event_id"] == str(decision.receipt)
    await network.world.pipeline.integrate()
    await network.world.pipeline.sign()
    assert not (await home.log.GetReceipt(request, metadata=home.saying())).anchored


async def test_another_clubs_object_is_told_as_an_unknown_one(network: Network) -> None:
    scene, stranger = network.scene, caller((await found(network.world, "meadow")).id, "eve")
    visit = await scene.confirmed((await scene.member()).id)
    eve = network.client(stranger)
    told = []
    for known in (str(visit.id), str(network.world.new_id())):
        told += [
            await refusal(eve.visits.GetVisit(pb.GetVisitRequest(visit_id=known), metadata=eve.saying())),
            await refusal(eve.confirm(known)),
            await refusal(eve.check_in(known, "k")),
        ]
    assert {each.code for each in told} == {CODE.NOT_FOUND}
    assert all(each.but_for_its_ids == told[0].but_for_its_ids for each in told)


async def test_another_clubs_member_is_told_as_an_unknown_one(network: Network) -> None:
    member, host = await network.scene.member(), network.host
    told = []
    for known in (member.id, network.world.new_id()):
        request = request_of(network, known, TODAY.isoformat())
        request.host_club = str(network.scene.home.of_club)
        refused = await refusal(host.visits.RequestVisit(request, metadata=host.saying()))
        told.append(refused.but_for_its_ids)
    assert told[0] == told[1]
    assert told[0].code is CODE.NOT_FOUND


async def test_home_club_cannot_do_what_only_the_host_decides(network: Network) -> None:
    visit = await network.scene.requested((await network.scene.member()).id)
    refused = await refusal(network.home.confirm(str(visit.id)))
    assert (refused.code, refused.reason) == (CODE.PERMISSION_DENIED, "visit/not-the-host")


async def test_days_that_no_visit_may_have_are_invalid(network: Network) -> None:
    home = network.home
    request = request_of(network, (await network.scene.member()).id, "2026-03-14", "2026-03-13")
    refused = await refusal(home.visits.RequestVisit(request, metadata=home.saying()))
    assert (refused.code, refused.reason) == (CODE.INVALID_ARGUMENT, "visit/bad-stay")
    assert refused.details["ErrorInfo"].metadata["field"] == "last_day"


@pytest.mark.parametrize("times", [20])
async def test_many_check_ins_with_one_key_are_one(network: Network, times: int) -> None:
    visit = str((await network.scene.confirmed((await network.scene.member()).id)).id)
    events = await network.events()

    async def once() -> str:
        while True:
            try:
                return (await network.host.check_in(visit, "k")).receipt
            except grpc.aio.AioRpcError as error:
                assert error.code() is CODE.ABORTED
                await asyncio.sleep(0.01)

    assert len(set(await asyncio.gather(*(once() for _ in range(times))))) == 1
    # One event for the two logs and the relay.
    assert await network.events() == events + 3
