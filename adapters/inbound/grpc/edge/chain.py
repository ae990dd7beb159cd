"""What every rpc passes, in this order: ids, log, metrics, errors, deadline, authentication, rate, strict reading."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias, cast

import grpc
import structlog
from google.rpc.status_pb2 import Status

from adapters.inbound.grpc.edge import messages
from adapters.inbound.grpc.edge.authentication import admitted
from adapters.inbound.grpc.edge.call import Call, opened
from adapters.inbound.grpc.edge.metrics import Metrics
from adapters.inbound.grpc.edge.refusals import RefusedByRules
from adapters.inbound.grpc.edge.statuses import DETAILS, code_in, internal, refused, refused_by_rules
from adapters.inbound.grpc.edge.works import Works
from adapters.inbound.limits import Limits
from ports.tokens import Tokens
from shared.errors import ConcordatError
from shared.ids import NewId

Context = grpc.aio.ServicerContext[Any, Any]
# Generic in its stubs alone.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Intercept: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]"

log: structlog.typing.FilteringBoundLogger = structlog.get_logger("concordat.grpc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain(grpc.aio.ServerInterceptor):
    """The one interceptor: the order of its parts is what makes it right, so they are not left to be combined.

    `public` are the services that anybody may call, which tell nothing of any club; they alone may have streams.
    """

    tokens: Tokens
    limits: Limits
    new_id: NewId
    metrics: Metrics
    works: Works
    public: frozenset[str]
    longest_call_seconds: float

    async def intercept_service(
        self, continuation: Intercept, handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler | None":
        """The handler with the chain around it. It is handed bytes, since reading them is a part of the chain."""
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None:
            return None
        public = method[1:].rpartition("/")[0] in self.public
        if handler.request_streaming or handler.response_streaming:
            return handler if public else _NO_STREAMS
        return grpc.unary_unary_rpc_method_handler(partial(self._serve, handler, method, public))

    async def _serve(self, handler: Handler, method: str, public: bool, data: bytes, context: Context) -> bytes:
        started = perf_counter()
        call = opened(method, context.invocation_metadata() or (), self.new_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=call.ids.request_id, trace_id=call.ids.trace_id)
        try:
            answer = await self._answered(handler, call, public, data, context)
        except asyncio.CancelledError:
            call.status = grpc.StatusCode.CANCELLED
            raise
        finally:
            self._record(call, public, perf_counter() - started)
        if isinstance(answer, Status):
            details = ((DETAILS, answer.SerializeToString()), *call.trailing)
            await context.abort(code_in(answer), answer.message, details)
        context.set_trailing_metadata(call.trailing)
        return cast(bytes, answer)

    async def _answered(
        self, handler: Handler, call: Call, public: bool, data: bytes, context: Context
    ) -> bytes | Status:
        try:
            answer: bytes | Status = await self._in_time(handler, call, public, data, context)
        except ConcordatError as error:
            answer = refused(error, call.ids.request_id)
        except RefusedByRules as refusal:
            answer = refused_by_rules(refusal, call.ids.request_id)
        except Exception:
            log.exception("unhandled")
            self.metrics.failed()
            answer = internal(call.ids.request_id)
        call.status = code_in(answer) if isinstance(answer, Status) else grpc.StatusCode.OK
        return answer

    async def _in_time(self, handler: Handler, call: Call, public: bool, data: bytes, context: Context) -> bytes:
        # Without a deadline the client's patience is None, whatever the type says.
        patience = cast("float | None", context.time_remaining())
        longest = self.longest_call_seconds if patience is None else min(patience, self.longest_call_seconds)
        return await self.works.within(longest, self._called(handler, call, public, data, context))

    async def _called(self, handler: Handler, call: Call, public: bool, data: bytes, context: Context) -> bytes:
        if not public:
            caller = await admitted(call, context.peer(), self.tokens, self.limits)
            club = None if caller.club is None else str(caller.club)
            structlog.contextvars.bind_contextvars(principal=caller.principal, club=club)
        request = messages.read(data, cast(messages.Parse, handler.request_deserializer))
        response = await cast(Any, handler.unary_unary)(request, context)
        return cast(bytes, cast(Any, handler.response_serializer)(response))

    def _record(self, call: Call, public: bool, seconds: float) -> None:
        """Never metadata and never a message: they hold tokens and people."""
        status = "UNKNOWN" if call.status is None else call.status.name
        self.metrics.observe(call.method, status, seconds)
        caller = call.caller
        say = log.debug if public else log.info
        say(
            "request",
            request_id=call.ids.request_id,
            trace_id=call.ids.trace_id,
            method=call.method,
            status=status,
            duration_ms=round(seconds * 1000, 3),
            principal=None if caller is None else caller.principal,
            club=None if caller is None or caller.club is None else str(caller.club),
        )


async def _refuse_stream(_requests: object, context: Context) -> None:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Streams are not served.")


_NO_STREAMS: Handler = grpc.stream_stream_rpc_method_handler(cast(Any, _refuse_stream))
