"""Kinds of errors as statuses with details: the whole table, and what happens where details have no room."""

from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RequestInfo
from google.rpc.status_pb2 import Status

from adapters.inbound.grpc.edge import statuses
from adapters.inbound.grpc.edge.refusals import FieldsRefused, RefusedByRules, RuleFailure, TooSlow, Violation
from adapters.inbound.grpc.edge.statuses import internal, refused, refused_by_rules, status_of
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from ports.ledger import CommitUnknown, LedgerBusy
from ports.log import NotYetSigned, RecordMissing
from ports.tokens import TokenRefused
from ports.unit_of_work import InFlight, KeyReused, Missing
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

CODE = grpc.StatusCode
RETRY_HELPS: set[type[ConcordatError]] = {
    Busy,
    TooOften,
    InFlight,
    LedgerBusy,
    Unavailable,
    NotYetSigned,
    CommitUnknown,
    TooSlow,
}


class _Unheard(ConcordatError):
    code = "planted/unheard"
    title = "A kind that no table knows."


_TABLE: list[tuple[type[ConcordatError], grpc.StatusCode]] = [
    (Invalid, CODE.INVALID_ARGUMENT),
    (KeyReused, CODE.INVALID_ARGUMENT),
    (Unauthenticated, CODE.UNAUTHENTICATED),
    (TokenRefused, CODE.UNAUTHENTICATED),
    (Forbidden, CODE.PERMISSION_DENIED),
    (NotFound, CODE.NOT_FOUND),
    (Missing, CODE.NOT_FOUND),
    (RecordMissing, CODE.NOT_FOUND),
    (Conflict, CODE.FAILED_PRECONDITION),
    (StaleVersion, CODE.ABORTED),
    (Busy, CODE.ABORTED),
    (InFlight, CODE.ABORTED),
    (LedgerBusy, CODE.ABORTED),
    (TooOften, CODE.RESOURCE_EXHAUSTED),
    (Unavailable, CODE.UNAVAILABLE),
    (NotYetSigned, CODE.UNAVAILABLE),
    (CommitUnknown, CODE.UNAVAILABLE),
    (TooSlow, CODE.DEADLINE_EXCEEDED),
    (_Unheard, CODE.INTERNAL),
]


def kinds(status: Any) -> list[str]:
    return [packed.TypeName().split(".")[-1] for packed in status.details]


def detail(status: Any, kind: Any) -> Any:
    return next(kind.FromString(packed.value) for packed in status.details if packed.Is(kind.DESCRIPTOR))


@pytest.mark.parametrize(("error", "code"), _TABLE)
def test_kind_has_its_status_and_says_whether_a_retry_helps(error: type[ConcordatError], code: grpc.StatusCode) -> None:
    status = refused(error(), "r")
    assert (status_of(error()), status.code) == (code, code.value[0])
    assert status.message == error.title
    assert detail(status, ErrorInfo) == ErrorInfo(
        reason=error.code, domain="concordat", metadata={name: str(value) for name, value in error().parameters.items()}
    )
    assert detail(status, RequestInfo).request_id == "r"
    assert ("RetryInfo" in kinds(status)) is (error in RETRY_HELPS)


def test_every_kind_of_error_is_in_the_table() -> None:
    direct = {kind for kind in ConcordatError.__subclasses__() if kind.__module__ == "shared.errors"}
    assert direct <= statuses.STATUS.keys()


def test_fields_at_fault_are_named_and_a_code_of_their_own_is_the_reason() -> None:
    violations = [Violation(field="first_day", reason="is required"), Violation(field="x", reason="y", code="a/b")]
    status = refused(FieldsRefused(violations), "r")
    assert [(each.field, each.description) for each in detail(status, BadRequest).field_violations] == [
        ("first_day", "is required"),
        ("x", "y"),
    ]
    assert detail(status, ErrorInfo).reason == "a/b"
    assert detail(refused(FieldsRefused(violations[:1]), "r"), ErrorInfo).reason == "request/invalid"


def test_parameters_are_text_or_json() -> None:
    status = refused(Conflict(text="a", number=7, flag=True, many=["a", 1], odd=object()), "r")
    expected = {"text": "a", "number": "7", "flag": "true", "many": '["a",1]', "odd": "null"}
    assert dict(detail(status, ErrorInfo).metadata) == expected


def _refusal(rules: int, size: int) -> Any:
    failed = [RuleFailure(rule=f"r{n}", code="visit/quota-exceeded", description="x" * size) for n in range(rules)]
    decision = pb.Decision(failed=[pb.Failure(rule=each.rule, code=each.code) for each in failed])
    return refused_by_rules(RefusedByRules(failed, {"receipt": "id"}, decision), "r")


def test_refusal_by_rules_tells_every_rule_and_the_decision() -> None:
    status = _refusal(2, 10)
    assert status.code == CODE.FAILED_PRECONDITION.value[0]
    assert kinds(status) == ["ErrorInfo", "RequestInfo", "PreconditionFailure", "Decision"]
    assert len(detail(status, PreconditionFailure).violations) == 2
    assert detail(status, ErrorInfo).metadata["receipt"] == "id"


def test_details_without_room_are_left_out_from_the_end() -> None:
    """What does not fit would cost the client the whole answer: it takes 8 KiB of metadata."""
    assert kinds(_refusal(17, 220)) == ["ErrorInfo", "RequestInfo", "PreconditionFailure"]
    assert kinds(_refusal(17, 20_000)) == ["ErrorInfo", "RequestInfo"]
    for size in (0, 100, 200, 1_000):
        assert _refusal(17, size).ByteSize() < statuses.MOST_DETAIL_BYTES + 500


def test_internal_error_says_nothing_but_the_id() -> None:
    status = internal("r")
    assert (status.code, kinds(status)) == (CODE.INTERNAL.value[0], ["ErrorInfo", "RequestInfo"])
    assert isinstance(status, Status)


def test_every_code_that_is_a_reason_is_short_enough_for_one() -> None:
    """google.rpc.ErrorInfo asks for at most 63 characters."""
    waiting: list[type[ConcordatError]] = [ConcordatError]
    while waiting:
        for error in waiting.pop().__subclasses__():
            waiting.append(error)
            assert len(error.code) <= 63
