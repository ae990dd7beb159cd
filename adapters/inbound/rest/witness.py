"""REST for this deployment's witness: other operators' logs bring checkpoints, as C2SP tlog-witness lays it down."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from adapters.inbound.limits import check
from adapters.inbound.rest.edge.exchange import exchange_of
from adapters.inbound.rest.edge.problems import MEDIA_TYPE, written
from adapters.inbound.rest.edge.refusals import BodyTooLarge
from adapters.inbound.rest.edge.trust import client_address
from app.log.cosigner import Cosigner
from core.log.cosigning import MAX_REQUEST, LogForked
from core.log.witness import LedgerRejected, Reason, rejected

SIZE = "text/x.tlog.size"

STATUS: Mapping[str, HTTPStatus] = {
    Reason.MALFORMED: HTTPStatus.BAD_REQUEST,
    Reason.BAD_SIGNATURE: HTTPStatus.FORBIDDEN,
    Reason.UNKNOWN_ORIGIN: HTTPStatus.NOT_FOUND,
    Reason.WRONG_OLD_SIZE: HTTPStatus.CONFLICT,
    Reason.FORK: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reason.BAD_PROOF: HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""What tlog-witness answers to what the rule book says."""

_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_TEXT = {"text/plain": {"schema": {"type": "string"}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    **{
        int(status): {"description": status.phrase, **_PROBLEM}
        for status in (
            *STATUS.values(),
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            HTTPStatus.INTERNAL_SERVER_ERROR,
            HTTPStatus.SERVICE_UNAVAILABLE,
        )
    },
    200: {"description": "The witness's signature line", "content": _TEXT},
    409: {"description": "The size that the witness holds", "content": {SIZE: {"schema": {"type": "string"}}}},
}

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger("concordat.witness")


def witness_router(cosigner: Cosigner | None) -> APIRouter:
    """The submission prefix is `/witness`. A deployment that is no witness knows no log."""
    router = APIRouter(tags=["witness"])

    @router.post(
        "/witness/add-checkpoint",
        operation_id="log.witness.add_checkpoint",
        response_class=PlainTextResponse,
        responses=_RESPONSES,
        openapi_extra={"requestBody": {"required": True, "content": _TEXT}},
    )
    async def add_checkpoint(request: Request) -> Response:
        """Cosign a checkpoint of a log that this witness follows: old size, consistency proof and signed note."""
        exchange = exchange_of(request.scope)
        limits, address = exchange.services.limits, client_address(exchange)
        exchange.taken = await limits.of_log(address)
        check(exchange.taken)
        body = await request.body()
        if len(body) > MAX_REQUEST:
            raise BodyTooLarge(limit_bytes=MAX_REQUEST)
        try:
            if cosigner is None:
                raise rejected(Reason.UNKNOWN_ORIGIN)
            return PlainTextResponse(await cosigner.add_checkpoint(body))
        except LogForked as forked:
            # The log signed both: together they prove it, and the one that is held gives way to a newer one.
            _log.error("log forked", **forked.parameters, notes=forked.notes)
            return _refused(request, forked)
        except LedgerRejected as error:
            return _refused(request, error)

    return router


def _refused(request: Request, error: LedgerRejected) -> Response:
    status = STATUS[str(error.parameters["reason"])]
    if status is HTTPStatus.CONFLICT:
        # Not as a media type: Starlette would add a charset, and there are clients that compare the whole header.
        return Response(f"{error.parameters['stored_size']}\n", status, headers={"content-type": SIZE})
    exchange = exchange_of(request.scope)
    return written(exchange, status, code=error.code, title=error.title, members=error.parameters)
