"""Refusals as google.rpc statuses: the one table from kinds of errors to status codes, and the details of each."""

from collections.abc import Iterable, Iterator, Mapping

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

from adapters.inbound.grpc.edge.refusals import FieldsRefused, RefusedByRules, RuleFailure, TooSlow, Violation
from shared.canonical import NotCanonical, dumps, plain
from shared.errors import (
    Busy,
    ConcordatError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    StaleVersion,
    TooOften,
    Unauthenticated,
    Unavailable,
)

DOMAIN = "concordat"
DETAILS = "grpc-status-details-bin"
INTERNAL_CODE = "system/internal"
INTERNAL_TITLE = "Something went wrong here. The request id names it in the logs."
RETRY_AFTER_SECONDS = 1

# Clients take 8 KiB of metadata unless told otherwise, and base64 on the wire makes four bytes of three.
MOST_DETAIL_BYTES = 5_000

STATUS: Mapping[type[ConcordatError], grpc.StatusCode] = {
    Invalid: grpc.StatusCode.INVALID_ARGUMENT,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    NotFound: grpc.StatusCode.NOT_FOUND,
    Conflict: grpc.StatusCode.FAILED_PRECONDITION,
    StaleVersion: grpc.StatusCode.ABORTED,
    Busy: grpc.StatusCode.ABORTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    TooOften: grpc.StatusCode.RESOURCE_EXHAUSTED,
    TooSlow: grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""The nearest kind in an error's ancestry decides."""


def status_of(error: ConcordatError) -> grpc.StatusCode:
    """The status code for an error; INTERNAL for a kind that the table does not know."""
    found = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return next(found, grpc.StatusCode.INTERNAL)


def refused(error: ConcordatError, request_id: str) -> Status:
    """The answer to an rpc that was refused."""
    violations = error.violations if isinstance(error, FieldsRefused) else ()
    reason = next((each.code for each in violations if each.code is not None), error.code)
    details: list[Message] = [_info(reason, error.parameters), RequestInfo(request_id=request_id)]
    if violations:
        details.append(BadRequest(field_violations=[_violation(each) for each in violations]))
    if isinstance(error, Busy | Unavailable):
        details.append(RetryInfo(retry_delay=Duration(seconds=RETRY_AFTER_SECONDS)))
    if isinstance(error, TooOften):
        details.append(RetryInfo(retry_delay=Duration(seconds=error.retry_after_seconds)))
    return _status(status_of(error), error.title, details)


def refused_by_rules(refusal: RefusedByRules, request_id: str) -> Status:
    """The answer that tells a decision which refuses: a function of the decision, so that a replay answers the same."""
    details = [
        _info(refusal.failed[0].code, refusal.parameters),
        RequestInfo(request_id=request_id),
        PreconditionFailure(violations=[_precondition(each) for each in refusal.failed]),
        refusal.decision,
    ]
    return _status(grpc.StatusCode.FAILED_PRECONDITION, refusal.title, details)


def internal(request_id: str) -> Status:
    """The answer to an rpc that failed for a reason that is nobody's business but ours."""
    return _status(
        grpc.StatusCode.INTERNAL, INTERNAL_TITLE, [_info(INTERNAL_CODE, {}), RequestInfo(request_id=request_id)]
    )


def code_in(status: Status) -> grpc.StatusCode:
    """The status code that a google.rpc.Status names by its number."""
    return next(code for code in grpc.StatusCode if code.value[0] == status.code)


def _status(code: grpc.StatusCode, message: str, details: Iterable[Message]) -> Status:
    return Status(code=code.value[0], message=message, details=_fitting(details))


def _fitting(details: Iterable[Message]) -> Iterator[Packed]:
    """The details in order, up to the first for which there is no room."""
    room = MOST_DETAIL_BYTES
    for detail in details:
        packed = Packed()
        packed.Pack(detail)
        room -= packed.ByteSize()
        if room < 0:
            return
        yield packed


def _info(reason: str, parameters: Mapping[str, object]) -> ErrorInfo:
    return ErrorInfo(reason=reason, domain=DOMAIN, metadata={name: _text(value) for name, value in parameters.items()})


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        shown = plain(value)
    except NotCanonical:
        return "null"
    return shown if isinstance(shown, str) else dumps(shown).decode()


def _violation(violation: Violation) -> BadRequest.FieldViolation:
    return BadRequest.FieldViolation(field=violation.field, description=violation.reason, reason=violation.code)


def _precondition(failure: RuleFailure) -> PreconditionFailure.Violation:
    return PreconditionFailure.Violation(type=failure.code, subject=failure.rule, description=failure.description)
