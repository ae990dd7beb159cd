"""Calls that end without an answer, as gRPC tells it, and what the transport makes of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from adapters.outbound.fabric.gateway import transport as under_test
from adapters.outbound.fabric.gateway.errors import CLOSED, EvaluateError, Fault, TransportError
from adapters.outbound.fabric.gateway.preference import CHECKS
from adapters.outbound.fabric.gateway.transport import GrpcTransport, Peer
from tests.support.certificates import Authority
from tests.unit.fabric.scripted import MEMBER

_RESET = "Stream removed (RST_STREAM (Received RST_STREAM with error code 8))"
"""As gRPC has it of a peer by whose clock the time is over."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize(("after", "code"), [(0.0, "CANCELLED"), (1.5, "DEADLINE_EXCEEDED")])
async def test_a_call_that_a_peer_resets_has_ended_by_its_deadline_once_that_is_over(
    monkeypatch: pytest.MonkeyPatch, after: float, code: str
) -> None:
    async def reset(_request: bytes, **options: float) -> bytes:
        await asyncio.sleep(after * options["timeout"])
        metadata = grpc.aio.Metadata()
        raise grpc.aio.AioRpcError(grpc.StatusCode.CANCELLED, metadata, metadata, _RESET)

    monkeypatch.setattr(under_test, "_unary", lambda _channel, _method: reset)
    transport = GrpcTransport([Peer(address="localhost:1", roots=MEMBER.pem)])
    try:
        with pytest.raises(TransportError) as raised:
            await transport.call("CommitStatus", b"", timeout_seconds=0.05)
    finally:
        await transport.close()
    assert (raised.value.code, raised.value.message) == (code, _RESET)


async def test_closing_ends_what_is_under_way_with_an_error_and_cancels_nobody() -> None:
    async with _silent_peer() as peer:
        transport = GrpcTransport([peer])

        async def listen() -> None:
            async for _message in transport.stream("ChaincodeEvents", b""):
                pass

        call = asyncio.create_task(transport.call("CommitStatus", b"", timeout_seconds=30))
        under_way = [call, asyncio.create_task(listen())]
        await asyncio.sleep(0.1)
        await transport.close()
        ended = await asyncio.gather(*under_way, return_exceptions=True)
        assert [str(each) for each in ended] == [f"CANCELLED: {CLOSED}"] * 2
        for later in (transport.call("Evaluate", b"", timeout_seconds=1), listen()):
            with pytest.raises(TransportError, match=CLOSED):
                await later


async def test_whoever_cancels_a_call_has_it_cancelled_though_the_transport_is_closed_meanwhile() -> None:
    async with _silent_peer() as peer:
        transport = GrpcTransport([peer])
        call = asyncio.create_task(transport.call("CommitStatus", b"", timeout_seconds=30))
        await asyncio.sleep(0.1)
        call.cancel()
        await transport.close()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_peer_that_is_far_away_is_waited_for_and_not_left_for_another(authority: Authority) -> None:
    async with _answering(authority) as near, _far(near) as far:
        transport = GrpcTransport([far, Peer(address="localhost:1", roots=MEMBER.pem)])
        try:
            assert await transport.call("Evaluate", b"asked", timeout_seconds=30) == b"asked"
        finally:
            await transport.close()


@pytest.mark.parametrize(("method", "answered"), [("Evaluate", True), ("Submit", True), ("CommitStatus", False)])
async def test_a_peer_that_stands_still_is_left_by_the_next_call_but_not_where_it_only_waits(
    authority: Authority, method: str, answered: bool
) -> None:
    async with _answering(authority, awake=asyncio.Event()) as still, _answering(authority) as peer:
        transport = GrpcTransport([still, peer])
        try:
            with pytest.raises(TransportError, match="DEADLINE_EXCEEDED"):
                await transport.call(method, b"asked", timeout_seconds=0.2)
            again = transport.call("Evaluate", b"asked", timeout_seconds=30 if answered else 0.2)
            if answered:
                assert await again == b"asked"
            else:
                with pytest.raises(TransportError, match="DEADLINE_EXCEEDED"):
                    await again
        finally:
            await transport.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"address": "no..name:7051"}, "errors resolving"), ({"roots": MEMBER.pem}, "Tls handshake failed")],
)
async def test_a_name_without_an_address_and_roots_of_somebody_else_are_faults_of_the_configuration(
    authority: Authority, wrong: dict[str, Any], said: str
) -> None:
    async with _answering(authority) as peer:
        transport = GrpcTransport([replace(peer, **wrong)])
        try:
            with pytest.raises(TransportError, match=said) as raised:
                await transport.call("Evaluate", b"asked", timeout_seconds=30)
        finally:
            await transport.close()
    assert EvaluateError(raised.value).fault is Fault.CONFIGURATION


async def test_calls_go_back_to_the_first_peer_once_it_moves_again_and_none_of_them_waits_for_it_until_then(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "CHECK_SECONDS", 0.02)
    monkeypatch.setattr(under_test, "CHECK_WITHIN_SECONDS", 0.05)
    awake, heard = asyncio.Event(), list[bytes]()
    async with _answering(authority, awake=awake, heard=heard) as first, _answering(authority) as second:
        transport = GrpcTransport([first, second])
        try:
            with pytest.raises(TransportError, match="DEADLINE_EXCEEDED"):
                await transport.call("Evaluate", b"in vain", timeout_seconds=0.2)
            await _others_answer(transport, lambda: heard.count(b"") >= 2 * CHECKS)
            awake.set()
            await _back_at_the_first(transport)
            assert await transport.call("Evaluate", b"again", timeout_seconds=30) == b"again"
        finally:
            await transport.close()
    assert [each for each in heard if each] == [b"in vain", b"again"]


async def test_calls_go_back_to_a_first_peer_that_was_gone_and_not_to_one_that_is_too_busy(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "CHECK_SECONDS", 0.02)
    heard = list[bytes]()
    async with _answering(authority) as gone:
        pass
    port = int(gone.address.rpartition(":")[2])
    async with _answering(authority) as second:
        transport = GrpcTransport([gone, second])
        try:
            assert await transport.call("Evaluate", b"meanwhile", timeout_seconds=30) == b"meanwhile"
            async with _answering(authority, heard=heard, port=port, refusal=grpc.StatusCode.UNKNOWN):
                await _others_answer(transport, lambda: len(heard) >= 2 * CHECKS)
            async with _answering(authority, heard=heard, port=port):
                await _back_at_the_first(transport)
                assert await transport.call("Evaluate", b"again", timeout_seconds=30) == b"again"
        finally:
            await transport.close()
    assert [each for each in heard if each] == [b"again"]


async def test_nothing_is_checked_any_more_once_the_transport_is_closed(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "CHECK_SECONDS", 0.02)
    async with _answering(authority, awake=asyncio.Event()) as still, _answering(authority) as peer:
        transport = GrpcTransport([still, peer])
        with pytest.raises(TransportError, match="DEADLINE_EXCEEDED"):
            await transport.call("Evaluate", b"in vain", timeout_seconds=0.1)
        assert transport._checking is not None
        await transport.close()
        with pytest.raises(asyncio.CancelledError):
            await transport._checking


async def _others_answer(transport: GrpcTransport, until: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not until():
            assert await transport.call("Evaluate", b"meanwhile", timeout_seconds=30) == b"meanwhile"


async def _back_at_the_first(transport: GrpcTransport) -> None:
    """Returns once checks have found it well."""
    assert transport._checking is not None
    async with asyncio.timeout(60):
        await transport._checking


@asynccontextmanager
async def _answering(
    authority: Authority,
    *,
    awake: asyncio.Event | None = None,
    heard: list[bytes] | None = None,
    port: int = 0,
    refusal: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT,
) -> AsyncIterator[Peer]:
    """Answers with what it is asked, as soon as it is awake; and refuses to be asked nothing, as a Gateway does."""
    pair = authority.signed("peer", address="127.0.0.1")

    async def answer(request: bytes, context: Any) -> bytes:
        if heard is not None:
            heard.append(request)
        if awake is not None:
            await awake.wait()
        if not request:
            await context.abort(refusal, "failed to unpack transaction proposal: a signed proposal is required")
        return request

    handler: Any = grpc.unary_unary_rpc_method_handler(answer)
    methods = dict.fromkeys(("Evaluate", "Submit", "CommitStatus"), handler)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("gateway.Gateway", methods)])
    port = server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([pair.read()]))
    await server.start()
    try:
        yield Peer(address=f"127.0.0.1:{port}", roots=authority.certificate.read_bytes())
    finally:
        await server.stop(None)


@asynccontextmanager
async def _far(peer: Peer) -> AsyncIterator[Peer]:
    """The same peer behind a proxy that takes its time to connect."""

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(1 << 16):
                target.write(data)
        target.close()

    async def connected(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)
        behind, ahead = await asyncio.open_connection(*peer.address.split(":"))
        await asyncio.gather(pass_on(source, ahead), pass_on(behind, target))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield replace(peer, address=f"127.0.0.1:{server.sockets[0].getsockname()[1]}")


@asynccontextmanager
async def _silent_peer() -> AsyncIterator[Peer]:
    """Takes connections, and says nothing on them."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    async with server:
        yield Peer(address=f"127.0.0.1:{server.sockets[0].getsockname()[1]}", roots=MEMBER.pem)
