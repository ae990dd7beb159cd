"""The server around the services: health, reflection, ports, mutual TLS, and what it refuses to serve."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from adapters.inbound.grpc.clubs.visits import NAME
from adapters.inbound.grpc.edge.chain import Chain
from adapters.inbound.grpc.edge.metrics import Metrics
from adapters.inbound.grpc.edge.works import Works
from adapters.inbound.grpc.health import SERVICE as HEALTH
from adapters.inbound.grpc.settings import Settings, Tls
from tests.support.certificates import Authority
from tests.unit.grpc.served import CREDENTIAL, UNLIMITED, Served, Service, Told, Words, add_told, made, new_id, serving

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


async def _health(served: Served, service: str = "") -> int:
    stub: Any = HealthStub(served.channel)
    status: int = (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status
    return status


@pytest.mark.parametrize("service", ["", NAME])
async def test_health_follows_readiness_and_needs_no_credential(served: Served, service: str) -> None:
    assert await _health(served, service) == SERVING
    served.ready["database"] = False
    assert await _health(served, service) == NOT_SERVING
    served.ready.update(database=True, log=False)
    assert await _health(served, service) == NOT_SERVING


async def test_readiness_that_cannot_be_had_is_none(served: Served) -> None:
    served.ready.clear()
    assert await _health(served) == NOT_SERVING


async def test_health_of_an_unknown_service_is_not_found(served: Served) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _health(served, "nobody.v1.Nothing")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_health_watch_tells_every_change_and_ends_with_the_server(served: Served) -> None:
    stub: Any = HealthStub(served.channel)
    told = stub.Watch(health_pb2.HealthCheckRequest()).__aiter__()
    unknown = stub.Watch(health_pb2.HealthCheckRequest(service="nobody")).__aiter__()
    async with asyncio.timeout(10):
        assert (await anext(told)).status == SERVING
        served.ready["database"] = False
        assert (await anext(told)).status == NOT_SERVING
        served.ready["database"] = True
        assert (await anext(told)).status == SERVING
        assert (await anext(unknown)).status == UNKNOWN
        await served.server.stop(grace_seconds=5)
        assert (await anext(told)).status == NOT_SERVING
        for watch in (told, unknown):
            with pytest.raises(StopAsyncIteration):
                await anext(watch)


async def _reflected(served: Served) -> set[str]:
    channel: Any = served.channel
    stub: Any = ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async for answer in stub.ServerReflectionInfo(iter([request])):
        return {service.name for service in answer.list_services_response.service}
    raise AssertionError("no answer")


async def test_reflection_tells_what_is_served(served: Served) -> None:
    assert {NAME, HEALTH} <= await _reflected(served)


async def test_reflection_is_off_unless_it_is_wanted() -> None:
    async with serving(Settings()) as served:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _reflected(served)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_taken_port_is_an_error_and_no_port_is_shared(served: Served) -> None:
    second = made(Told(), Metrics(), {}, Settings())
    with pytest.raises(OSError, match="cannot listen"):
        second.listen("127.0.0.1", served.port)
    assert second.listen("127.0.0.1", 0) != served.port
    await second.stop(grace_seconds=0)


async def test_service_under_a_name_that_is_taken_is_refused() -> None:
    twice = Service(name=NAME, servicer=Told(), add=add_told)
    for more in (twice, replace(twice, name=HEALTH)):
        with pytest.raises(ValueError, match="one name"):
            made(Told(), Metrics(), {}, Settings(), [more])


async def test_message_and_metadata_have_the_limits_of_the_settings() -> None:
    """gRPC's own limit for messages is 4 MiB too, so that a test at that size would not notice ours missing."""
    async with serving(Settings(largest_message_bytes=1_000, largest_metadata_bytes=2_000)) as served:
        call: Any = served.channel.unary_unary(f"/{NAME}/GetVisit")
        for size, code in ((1_000, grpc.StatusCode.INVALID_ARGUMENT), (1_001, grpc.StatusCode.RESOURCE_EXHAUSTED)):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(b"\0" * size, metadata=[CREDENTIAL])
            assert caught.value.code() is code
        assert (await served.get(("x-long", "x" * 1_000))).code is grpc.StatusCode.OK
        assert (await served.get(("x-long", "x" * 3_000))).code is grpc.StatusCode.RESOURCE_EXHAUSTED


def _planted(package: str) -> FileDescriptorProto:
    """A proto with one service of one rpc that streams its requests."""
    proto = FileDescriptorProto(name=f"{package}.proto", package=package)
    proto.message_type.add(name="Nothing")
    kind = f".{package}.Nothing"
    proto.service.add(name="Stream").method.add(name="Pour", input_type=kind, output_type=kind, client_streaming=True)
    return proto


async def test_service_with_a_stream_is_refused() -> None:
    descriptor_pool.Default().AddSerializedFile(_planted("planted.stream").SerializeToString())
    stream = Service(name="planted.stream.Stream", servicer=Told(), add=add_told)
    with pytest.raises(ValueError, match="has a stream"):
        made(Told(), Metrics(), {}, Settings(), [stream])


async def test_stream_that_came_in_all_the_same_is_not_served() -> None:
    async def pour(requests: Any, _context: Any) -> Any:
        raise AssertionError("nothing stands between this and anybody")

    handler: Any = grpc.stream_unary_rpc_method_handler(pour)
    chain = Chain(
        tokens=Words(),
        limits=UNLIMITED,
        new_id=new_id,
        metrics=Metrics(),
        works=Works(),
        public=frozenset(),
        longest_call_seconds=1,
    )
    server = grpc.aio.server(interceptors=[chain])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("planted.Stream", {"Pour": handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: Any = channel.stream_unary("/planted.Stream/Pour")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(iter([b""]))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    await server.stop(None)


async def test_calls_under_way_end_within_the_grace(served: Served) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    do = served.told.do

    async def slowly(request: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await do(request)

    served.told.do = slowly
    call = asyncio.create_task(served.get())
    await begun.wait()
    stopping = asyncio.create_task(served.server.stop(grace_seconds=10))
    await asyncio.sleep(0)
    go_on.set()
    assert (await call).code is grpc.StatusCode.OK
    await stopping


async def test_mutual_tls_hears_only_clients_of_the_named_roots(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    key, chain = ours.signed("server", address="127.0.0.1").read()
    roots = ours.certificate.read_bytes()
    settings = Settings(tls=Tls(key=key, chain=chain, client_roots=roots))
    assert key.decode() not in repr(settings)
    async with serving(settings) as served:
        address = f"127.0.0.1:{served.port}"
        for client, is_heard in (
            (ours.signed("ann").read(), True),
            (theirs.signed("eve").read(), False),
            (None, False),
        ):
            pair = (None, None) if client is None else client
            credentials = grpc.ssl_channel_credentials(roots, *pair)
            async with grpc.aio.secure_channel(address, credentials) as channel:
                assert await _is_heard(replace(served, channel=channel)) is is_heard
        assert not await _is_heard(served)


async def _is_heard(served: Served) -> bool:
    try:
        return await _health(served) == SERVING
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        return False
