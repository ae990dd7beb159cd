"""The whole slice over gRPC: a visit from its request to a receipt that verifies offline, and to its proofs."""

import json

from adapters.inbound.grpc.generated.concordat.v1 import log_pb2 as log
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from adapters.outbound.signatures import SIGNATURES
from core.log.checkpoints import parse_checkpoint
from core.log.merkle import verify_consistency, verify_inclusion
from core.log.notes import parse_note
from core.log.receipts import State, Validity, verify_bytes
from tests.integration.grpc.network import Network, asked
from tests.support.world import TODAY


async def test_visit_goes_from_request_to_a_receipt_that_verifies_offline(network: Network) -> None:
    member = await network.scene.member()
    requested = await asked(network, member.id, TODAY.isoformat(), idempotency_key="r1")
    assert requested.eligible
    assert requested.visit.state == pb.VISIT_STATE_REQUESTED
    confirmed = await network.host.confirm(requested.visit.id, if_match=f'"{requested.visit.version}"')
    assert confirmed.visit.state == pb.VISIT_STATE_CONFIRMED
    checked_in = await network.host.check_in(requested.visit.id, "c1")
    assert checked_in.visit.state == pb.VISIT_STATE_CHECKED_IN
    assert checked_in.visit.HasField("checked_in_at")
    assert not checked_in.visit.HasField("checked_out_at")
    assert len(checked_in.visit.commitment) == 32

    for client in (network.home, network.host):
        assert await client.get(requested.visit.id) == checked_in.visit
        listed = await client.visits.ListVisits(pb.ListVisitsRequest(), metadata=client.saying())
        assert list(listed.data) == [checked_in.visit]
        assert (listed.next, listed.prev) == ("", "")

    await network.world.settle()
    bundle = await network.world.log.trust.bundle()
    for client in (network.home, network.host):
        receipt = await client.log.GetReceipt(
            log.GetReceiptRequest(event_id=checked_in.receipt), metadata=client.saying()
        )
        asking = pb.GetVisitReceiptRequest(visit_id=requested.visit.id)
        of_visit = await client.visits.GetVisitReceipt(asking, metadata=client.saying())
        assert of_visit.SerializeToString() == receipt.SerializeToString(), "the same fields, and nothing else"
        assert receipt.anchored
        for spelling in (receipt.text, receipt.json):
            verified = verify_bytes(spelling.encode(), bundle, SIGNATURES)
            assert (verified.validity, verified.state) == (Validity.VALID, State.ANCHORED)
        assert json.loads(receipt.json)["v"] == 1


async def test_proofs_lead_to_the_checkpoints_that_come_with_them(network: Network) -> None:
    host = network.host
    await network.scene.checked_in((await network.scene.member()).id)
    await network.world.settle()
    origin = (await network.world.backlog.directory())[1].origin
    older = await host.log.GetCheckpoint(log.GetCheckpointRequest(origin=origin), metadata=host.saying())
    decision = await network.scene.request((await network.scene.member()).id)
    await network.world.settle()
    newer = await host.log.GetCheckpoint(log.GetCheckpointRequest(origin=origin), metadata=host.saying())
    assert newer.tree_size > older.tree_size
    assert parse_checkpoint(parse_note(newer.note).text).root == newer.root_hash

    query = log.ConsistencyQuery(origin=origin, old_size=older.tree_size)
    answer = await host.log.GetProof(log.GetProofRequest(consistency=query), metadata=host.saying())
    grown = answer.consistency
    assert (grown.new_size, grown.checkpoint) == (newer.tree_size, newer.note)
    verify_consistency(older.tree_size, older.root_hash, newer.tree_size, newer.root_hash, grown.hashes)

    asking = log.GetProofRequest(inclusion=log.InclusionQuery(event_id=str(decision.receipt)))
    within = (await host.log.GetProof(asking, metadata=host.saying())).inclusion
    root = parse_checkpoint(parse_note(within.checkpoint).text).root
    verify_inclusion(within.leaf_hash, within.index, within.tree_size, within.hashes, root)
