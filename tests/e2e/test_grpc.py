"""A visit over gRPC against a server in a process of its own: what a gateway or another service would call."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from adapters.inbound.grpc.generated.concordat.v1 import log_pb2 as log
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from adapters.outbound.signatures import SIGNATURES
from core.log.checkpoints import parse_checkpoint
from core.log.merkle import verify_consistency, verify_inclusion
from core.log.notes import parse_note
from core.log.receipts import State, Validity, verify_bytes
from core.log.trust import TrustBundle, parse_bundle
from tests.e2e import journal
from tests.e2e.lives import MOST_DAYS, STAY_DAYS, Club, enrolled, two_clubs
from tests.e2e.served import Installation, said
from tests.integration.grpc.network import Client, refusal
from tests.support.processes import Process

ANCHORED_WITHIN_SECONDS = 30.0
CODE = grpc.StatusCode


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """Clients of two clubs that agree, over one channel to the server, and a member whom the home club may announce."""

    home: Client
    host: Client
    summit: Club
    member: str

    @property
    def wish(self) -> pb.RequestVisitRequest:
        today = datetime.now(UTC).date()
        last = today + timedelta(days=STAY_DAYS - 1)
        return pb.RequestVisitRequest(
            member_id=self.member, host_club=self.summit.id, first_day=str(today), last_day=str(last)
        )

    async def requested(self) -> pb.Decision:
        answer: pb.RequestVisitResponse = await self.home.visits.RequestVisit(self.wish, metadata=self.home.saying())
        return answer.decision


@pytest.fixture
def installation(installation: Installation) -> Installation:
    """Which tells over gRPC what it serves."""
    installation.settings["reflection"] = "true"
    return installation


@pytest.fixture
async def channel(installation: Installation, server: Process) -> AsyncIterator[grpc.aio.Channel]:
    address = installation.where().grpc
    assert address is not None
    async with grpc.aio.insecure_channel(address) as channel:
        yield channel


@pytest.fixture
async def gateway(installation: Installation, channel: grpc.aio.Channel, tmp_path: Path) -> Gateway:
    harbour, summit = two_clubs(installation)
    secretary = journal.Client(
        club=harbour.id,
        token=harbour.token,
        api=lambda: installation.api,
        journal=journal.Journal(path=tmp_path / "journal"),
        chance=random.Random(0),
    )
    member = enrolled(secretary, "ada")
    secretary.close()
    home, host = [Client(channel=channel, authorization=f"Bearer {club.token}") for club in (harbour, summit)]
    return Gateway(home=home, host=host, summit=summit, member=member)


def trust(installation: Installation, folder: Path) -> TrustBundle:
    exported = installation.run("trust", "export", str(folder / "trust.json"))
    assert exported.returncode == 0, said(exported)
    return parse_bundle((folder / "trust.json").read_bytes())


async def anchored(client: Client, event: str) -> log.GetReceiptResponse:
    """The event's receipt, once the ledger has a checkpoint over it."""
    deadline = time.monotonic() + ANCHORED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            receipt: log.GetReceiptResponse = await client.log.GetReceipt(
                log.GetReceiptRequest(event_id=event), metadata=client.saying()
            )
            if receipt.anchored:
                return receipt
        except grpc.aio.AioRpcError as error:
            assert error.code() is CODE.UNAVAILABLE, error
        await asyncio.sleep(0.1)
    raise AssertionError(f"not anchored within {ANCHORED_WITHIN_SECONDS} s")


async def test_a_visit_goes_from_its_request_to_receipt_and_proofs_and_one_too_many_is_refused(
    installation: Installation, gateway: Gateway, tmp_path: Path
) -> None:
    host, origin = gateway.host, gateway.summit.origin
    requested = await gateway.requested()
    assert requested.visit.state == pb.VISIT_STATE_REQUESTED
    await anchored(host, requested.receipt)
    older = await host.log.GetCheckpoint(log.GetCheckpointRequest(origin=origin), metadata=host.saying())
    confirmed = await host.confirm(requested.visit.id)
    assert confirmed.visit.state == pb.VISIT_STATE_CONFIRMED
    admitted = await host.check_in(requested.visit.id, "once")
    assert admitted.visit.state == pb.VISIT_STATE_CHECKED_IN
    assert await host.check_in(requested.visit.id, "once") == admitted
    bundle = trust(installation, tmp_path)
    for client in (gateway.home, gateway.host):
        assert await client.get(requested.visit.id) == admitted.visit
        listed = await client.visits.ListVisits(pb.ListVisitsRequest(), metadata=client.saying())
        assert list(listed.data) == [admitted.visit]
        receipt = await anchored(client, admitted.receipt)
        by_visit = pb.GetVisitReceiptRequest(visit_id=requested.visit.id)
        of_visit = await client.visits.GetVisitReceipt(by_visit, metadata=client.saying())
        for spelling in (receipt.text, receipt.json, of_visit.text, of_visit.json):
            verified = verify_bytes(spelling.encode(), bundle, SIGNATURES)
            assert (verified.validity, verified.state) == (Validity.VALID, State.ANCHORED)
    await check_proofs(host, older, admitted.receipt)
    await check_refusal(gateway)


async def check_proofs(client: Client, older: log.GetCheckpointResponse, event: str) -> None:
    """The event is in the tree of a checkpoint, and that tree goes on from an older one."""
    asking = log.GetProofRequest(inclusion=log.InclusionQuery(event_id=event))
    within = (await client.log.GetProof(asking, metadata=client.saying())).inclusion
    root = parse_checkpoint(parse_note(within.checkpoint).text).root
    verify_inclusion(within.leaf_hash, within.index, within.tree_size, within.hashes, root)
    query = log.ConsistencyQuery(origin=older.origin, old_size=older.tree_size)
    grown = (await client.log.GetProof(log.GetProofRequest(consistency=query), metadata=client.saying())).consistency
    root = parse_checkpoint(parse_note(grown.checkpoint).text).root
    verify_consistency(older.tree_size, older.root_hash, grown.new_size, root, grown.hashes)


async def check_refusal(gateway: Gateway) -> None:
    """Once the days of the terms are reserved, one visit more is refused, with the reason and a receipt."""
    for _ in range(MOST_DAYS // STAY_DAYS - 1):
        await gateway.host.confirm((await gateway.requested()).visit.id)
    home = gateway.home
    refused = await refusal(home.visits.RequestVisit(gateway.wish, metadata=home.saying()))
    assert (refused.code, refused.reason) == (CODE.FAILED_PRECONDITION, "visit/quota-exceeded")
    decision: pb.Decision = refused.details["Decision"]
    assert (decision.eligible, decision.HasField("visit")) == (False, False)
    assert decision.failed[0].parameters["limit"].number == MOST_DAYS
    assert (await anchored(home, decision.receipt)).anchored


async def test_health_and_reflection_are_for_anybody_and_visits_for_who_shows_a_good_token(
    installation: Installation, channel: grpc.aio.Channel
) -> None:
    serves = {"concordat.v1.VisitService", "concordat.v1.LogService"}
    assert await reflected(channel) >= {*serves, "grpc.health.v1.Health"}
    anybody: Any = channel
    health: Any = HealthStub(anybody)
    for service in ("", *serves):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    issued = installation.run("token", "--club", "development", "--role", "concierge")
    assert issued.returncode == 0, said(issued)
    good = f"Bearer {issued.stdout.strip()}"
    for authorization in (f"{good[:-8]}AAAAAAAA", "Bearer guessed", "Basic YTpi"):
        assert (await refusal(listed(channel, authorization))).code is CODE.UNAUTHENTICATED
    assert (await listed(channel, good)).data == []


async def reflected(channel: Any) -> set[str]:
    """The names of what is served, as the server tells anybody."""
    stub: Any = ServerReflectionStub(channel)
    asking = reflection_pb2.ServerReflectionRequest(list_services="")
    async for answer in stub.ServerReflectionInfo(iter([asking])):
        return {service.name for service in answer.list_services_response.service}
    raise AssertionError("no answer")


async def listed(channel: grpc.aio.Channel, authorization: str) -> Any:
    client = Client(channel=channel, authorization=authorization)
    return await client.visits.ListVisits(pb.ListVisitsRequest(), metadata=client.saying())
