"""A peer's Gateway over gRPC: bytes as they come, and errors with their details in the trailer."""

from collections.abc import AsyncIterator
from typing import Any

import grpc

from adapters.outbound.fabric.gateway.errors import TransportError
from adapters.outbound.fabric.gateway.messages import ErrorDetail, Status, Wrapped
from shared.protowire import encode
from tests.fabric_simulator.gateway import GatewayService

_LARGEST = 100 << 20
_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", _LARGEST),
    ("grpc.max_send_message_length", _LARGEST),
    ("grpc.http2.min_ping_interval_without_data_ms", 60_000),
    ("grpc.so_reuseport", 0),
)
_METHODS = ("Evaluate", "Endorse", "Submit", "CommitStatus")


def gateway_server(service: GatewayService) -> grpc.aio.Server:
    """Not started, and without a port."""
    handlers: dict[str, Any] = {}
    for method in _METHODS:
        handlers[method] = grpc.unary_unary_rpc_method_handler(_unary(service, method))
    handlers["ChaincodeEvents"] = grpc.unary_stream_rpc_method_handler(_stream(service))
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("gateway.Gateway", handlers),))
    return server


def _unary(service: GatewayService, method: str) -> Any:
    async def handle(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        try:
            return await service.call(method, request)
        except TransportError as error:
            await _abort(context, error)
            raise AssertionError("abort raises") from error

    return handle


def _stream(service: GatewayService) -> Any:
    async def handle(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> AsyncIterator[bytes]:
        try:
            async for message in service.stream(request):
                yield message
        except TransportError as error:
            await _abort(context, error)

    return handle


async def _abort(context: grpc.aio.ServicerContext[bytes, bytes], error: TransportError) -> None:
    code = grpc.StatusCode[error.code]
    number: int = code.value[0]
    details = tuple(
        Wrapped(
            type_url="type.googleapis.com/gateway.ErrorDetail",
            value=encode(ErrorDetail(address=one.address, msp_id=one.msp_id, message=one.message)),
        )
        for one in error.details
    )
    trailer = encode(Status(code=number, message=error.message, details=details))
    metadata = (("grpc-status-details-bin", trailer),) if details else ()
    await context.abort(code, error.message, metadata)
