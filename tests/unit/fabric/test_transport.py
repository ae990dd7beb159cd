"""Calls that end without an answer, as gRPC tells it, and what the transport makes of them."""

import asyncio

import grpc
import pytest

from adapters.outbound.fabric.gateway import transport as under_test
from adapters.outbound.fabric.gateway.errors import TransportError
from adapters.outbound.fabric.gateway.transport import GrpcTransport, Peer
from tests.unit.fabric.scripted import MEMBER

_RESET = "Stream removed (RST_STREAM (Received RST_STREAM with error code 8))"
"""As gRPC has it of a peer by whose clock the time is over."""


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
