"""Every rpc of the protos passes the chain, asks for permission and tells no club of another: none is left out."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from adapters.inbound.grpc.edge.chain import Chain
from adapters.inbound.grpc.edge.metrics import Metrics
from adapters.inbound.grpc.edge.works import Works
from adapters.inbound.grpc.generated.concordat import v1
from adapters.inbound.grpc.generated.concordat.v1 import log_pb2 as log
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from concordat.edges import limits
from tests.integration.grpc.network import Client, Network, Refusal, refusal, request_of, services
from tests.support.scenes import found
from tests.support.world import TODAY, caller

CODE = grpc.StatusCode

Make = Callable[[Network, str, str], Message]
"""A request about an object (its id: a visit's, an event's, a member's), and the origin of a log."""

OF_AN_OBJECT: dict[str, Make] = {
    "VisitService.RequestVisit": lambda network, key, _: _request(network, key),
    "VisitService.ConfirmVisit": lambda _, key, __: pb.ConfirmVisitRequest(visit_id=key),
    "VisitService.CheckIn": lambda _, key, __: pb.CheckInRequest(visit_id=key),
    "VisitService.GetVisitReceipt": lambda _, key, __: pb.GetVisitReceiptRequest(visit_id=key),
    "VisitService.GetVisit": lambda _, key, __: pb.GetVisitRequest(visit_id=key),
    "LogService.GetReceipt": lambda _, key, __: log.GetReceiptRequest(event_id=key),
    "LogService.GetProof": lambda _, key, __: log.GetProofRequest(inclusion=log.InclusionQuery(event_id=key)),
}
OF_A_LIST: dict[str, Make] = {"VisitService.ListVisits": lambda *_: pb.ListVisitsRequest()}
PUBLISHED: dict[str, Make] = {
    "LogService.GetCheckpoint": lambda _, __, origin: log.GetCheckpointRequest(origin=origin),
}
"""What anybody may read over HTTP too: there is nothing to be kept from other clubs."""

EVERY = {**OF_AN_OBJECT, **OF_A_LIST, **PUBLISHED}


def _request(network: Network, member: str) -> pb.RequestVisitRequest:
    request = request_of(network, network.world.new_id(), TODAY.isoformat())
    request.member_id = member
    return request


def described() -> Iterator[ServiceDescriptor]:
    """Every service of every proto."""
    for module in pkgutil.iter_modules(v1.__path__):
        if module.name.endswith("_pb2"):
            yield from importlib.import_module(f"{v1.__name__}.{module.name}").DESCRIPTOR.services_by_name.values()


def rpcs() -> dict[str, MethodDescriptor]:
    return {f"{service.name}.{method.name}": method for service in described() for method in service.methods}


async def send(channel: grpc.aio.Channel, rpc: str, data: bytes, metadata: Sequence[tuple[str, str]]) -> Any:
    method = rpcs()[rpc]
    call: Any = channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    return await call(data, metadata=metadata)


async def ask(client: Client, rpc: str, request: Message, **metadata: str) -> Any:
    saying = client.saying(idempotency_key="k", **metadata)
    return await send(client.channel, rpc, request.SerializeToString(), saying)


async def unguarded(channel: grpc.aio.Channel, authorization: str) -> list[str]:
    """The rpcs that answer anything but what the chain answers, by what they leave out."""
    found = []
    for rpc in rpcs():
        anonymous = await _or_none(send(channel, rpc, b"\xff", ()))
        if anonymous is None or anonymous.code is not CODE.UNAUTHENTICATED:
            found.append(f"{rpc}: answers anybody")
        known = await _or_none(send(channel, rpc, b"\xff", (("authorization", authorization),)))
        if known is None or "ErrorInfo" not in known.details or known.reason != "request/malformed-message":
            found.append(f"{rpc}: reads anything")
        if known is None or "x-request-id" not in known.trailing:
            found.append(f"{rpc}: has no request id")
    return found


async def _or_none(call: Any) -> Refusal | None:
    try:
        return await refusal(call)
    except AssertionError:
        return None


async def test_every_rpc_passes_the_chain(network: Network) -> None:
    assert await unguarded(network.channel, network.home.authorization) == []


async def test_rpcs_without_the_chain_are_reported(network: Network) -> None:
    server = grpc.aio.server()
    assert len(await _unguarded_on(server, network)) == 3 * len(rpcs())


async def test_service_that_is_public_by_mistake_is_reported(network: Network) -> None:
    i, public = network.world.system.infrastructure, frozenset({"concordat.v1.LogService"})
    chain = Chain(
        tokens=i.tokens,
        limits=limits(network.world.system),
        new_id=i.new_id,
        metrics=Metrics(),
        works=Works(),
        public=public,
        longest_call_seconds=10,
    )
    expected = [f"{rpc}: answers anybody" for rpc in rpcs() if rpc.startswith("LogService")]
    assert await _unguarded_on(grpc.aio.server(interceptors=[chain]), network) == expected


async def _unguarded_on(server: grpc.aio.Server, network: Network) -> list[str]:
    for service in services(network.world):
        service.add(service.servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            return await unguarded(channel, network.home.authorization)
    finally:
        await server.stop(0)


def test_every_rpc_has_a_sample_here() -> None:
    assert EVERY.keys() == rpcs().keys()


def test_every_service_is_served(network: Network) -> None:
    assert {service.full_name for service in described()} == {service.name for service in services(network.world)}


@pytest.mark.parametrize("rpc", OF_AN_OBJECT)
async def test_object_of_other_clubs_is_told_as_an_unknown_one(network: Network, rpc: str) -> None:
    scene, eve = network.scene, await _stranger(network)
    member = await scene.member()
    decision = await scene.checked_in(member.id)
    assert decision.visit is not None
    await network.world.settle()
    make = OF_AN_OBJECT[rpc]
    theirs = {"RequestVisit": member.id, "GetReceipt": decision.receipt, "GetProof": decision.receipt}
    known = str(theirs.get(rpc.split(".")[1], decision.visit.id))
    told = [await refusal(ask(eve, rpc, make(network, key, ""))) for key in (known, str(network.world.new_id()))]
    assert told[0].but_for_its_ids == told[1].but_for_its_ids
    assert told[0].code is CODE.NOT_FOUND


@pytest.mark.parametrize("rpc", OF_A_LIST)
async def test_list_holds_nothing_of_other_clubs(network: Network, rpc: str) -> None:
    await network.scene.requested((await network.scene.member()).id)
    answer = await ask(await _stranger(network), rpc, OF_A_LIST[rpc](network, "", ""))
    assert answer.ByteSize() == 0


@pytest.mark.parametrize("rpc", OF_AN_OBJECT | OF_A_LIST)
async def test_caller_without_a_role_or_without_a_club_is_denied(network: Network, rpc: str) -> None:
    request = EVERY[rpc](network, str(network.world.new_id()), "")
    for denied in (
        network.client(network.scene.home, frozenset()),
        network.client(network.scene.home, frozenset({"operator"})),
        network.client(caller(None, "op"), frozenset({"concierge"})),
    ):
        refused = await refusal(ask(denied, rpc, request))
        assert (refused.code, refused.reason) == (CODE.PERMISSION_DENIED, "auth/forbidden")


@pytest.mark.parametrize("rpc", PUBLISHED)
async def test_what_is_published_is_for_everybody_with_a_token(network: Network, rpc: str) -> None:
    await network.world.settle()
    origin = (await network.world.backlog.directory())[0].origin
    answer = await ask(network.client(caller(None, "op"), frozenset()), rpc, PUBLISHED[rpc](network, "", origin))
    assert answer.origin == origin


async def _stranger(network: Network) -> Client:
    return network.client(caller((await found(network.world, "meadow")).id, "eve"))
