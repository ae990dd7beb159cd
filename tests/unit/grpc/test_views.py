"""Views become messages field by field: a field that one has and the other lacks is reported."""

import json
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

import pytest
from google.protobuf.message import Message

from adapters.inbound.grpc.clubs.views import decision_message, kept_decision, outcome, state_of, visit_message
from adapters.inbound.grpc.edge.refusals import RefusedByRules
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from app.clubs.visits import CheckIn, ConfirmVisit, Decision, RequestVisit, VisitView
from core.clubs.eligibility import Failure
from core.clubs.visit_states import VisitState
from ports.unit_of_work import kept
from tests.unit.grpc.served import new_id

VISIT = VisitView(
    id=new_id(),
    version=7,
    host_club=new_id(),
    home_club=new_id(),
    agreement_id=new_id(),
    terms_number=2,
    terms_hash=b"t" * 32,
    member_ref=new_id(),
    first_day=date(2026, 3, 12),
    last_day=date(2026, 3, 13),
    state=VisitState.NO_SHOW,
    verdict_hash=b"v" * 32,
    requested_at=datetime(2026, 3, 12, 9, 30, 0, 123456, UTC),
    confirmed_at=None,
    checked_in_at=None,
    checked_out_at=None,
    auto_check_out=True,
    reason="",
    commitment=None,
    erased=True,
)
FAILED = (
    Failure(rule="vis6", code="visit/quota-exceeded", parameters={"used": 4, "window": "month", "days": None}),
    Failure(rule="vis1", code="visit/category", parameters={}),
)
REFUSED = Decision(eligible=False, failed=FAILED, verdict_hash=b"h" * 32, visit=None, receipt=new_id())


def drift(view: type[Any], message: type[Message], *, beside: frozenset[str] = frozenset()) -> list[str]:
    """Fields that only one of the two has; `beside` are those that the message has for the path of REST."""
    ours, theirs = {field.name for field in fields(view)}, set(message.DESCRIPTOR.fields_by_name)
    return sorted(ours ^ (theirs - beside))


@pytest.mark.parametrize(
    ("view", "message", "beside"),
    [
        (VisitView, pb.Visit, frozenset()),
        (Decision, pb.Decision, frozenset()),
        (Failure, pb.Failure, frozenset()),
        (RequestVisit, pb.RequestVisitRequest, frozenset()),
        (ConfirmVisit, pb.ConfirmVisitRequest, frozenset({"visit_id"})),
        (CheckIn, pb.CheckInRequest, frozenset({"visit_id"})),
    ],
)
def test_messages_have_the_fields_of_commands_and_views(
    view: type[Any], message: type[Message], beside: frozenset[str]
) -> None:
    assert drift(view, message, beside=beside) == []


def test_field_that_only_one_of_them_has_is_reported() -> None:
    @dataclass
    class Planted:
        rule: str
        code: str
        planted: int

    assert drift(Planted, pb.Failure) == ["parameters", "planted"]


def test_visit_keeps_every_value() -> None:
    message: Any = visit_message(VISIT)
    for name in ("version", "terms_number", "terms_hash", "verdict_hash", "auto_check_out", "erased"):
        assert getattr(message, name) == getattr(VISIT, name)
    for name in ("id", "host_club", "home_club", "agreement_id", "member_ref"):
        assert getattr(message, name) == str(getattr(VISIT, name))
    assert (message.first_day, message.last_day) == ("2026-03-12", "2026-03-13")
    assert message.state == pb.VISIT_STATE_NO_SHOW
    assert message.requested_at.ToDatetime(UTC) == VISIT.requested_at
    assert (message.HasField("reason"), message.HasField("commitment")) == (True, False)
    assert not any(message.HasField(f"{name}_at") for name in ("confirmed", "checked_in", "checked_out"))


@pytest.mark.parametrize("state", VisitState)
def test_states_are_read_back(state: VisitState) -> None:
    assert state_of(pb.VisitState.Value(f"VISIT_STATE_{state.name}")) is state
    assert state_of(pb.VISIT_STATE_UNSPECIFIED) is None


def test_refusal_is_raised_with_everything_that_it_says() -> None:
    with pytest.raises(RefusedByRules) as caught:
        outcome(REFUSED)
    assert [(each.rule, each.code) for each in caught.value.failed] == [
        ("vis6", "visit/quota-exceeded"),
        ("vis1", "visit/category"),
    ]
    assert caught.value.failed[0].description == "used 4, window month"
    assert caught.value.decision == decision_message(REFUSED)
    parameters = decision_message(REFUSED).failed[0].parameters
    assert (parameters["used"].number, parameters["window"].text) == (4, "month")
    assert parameters["days"].WhichOneof("value") is None


def test_kept_answer_gives_the_same_message_again() -> None:
    for decision in (REFUSED, Decision(eligible=True, failed=(), verdict_hash=b"", visit=VISIT, receipt=new_id())):
        again = kept_decision(json.loads(kept(decision)))
        assert decision_message(again) == decision_message(decision)


def test_kept_answer_of_before_its_view_changed_is_a_fault_and_no_refusal_of_the_call() -> None:
    old = json.loads(kept(REFUSED))
    del old["receipt"]
    with pytest.raises(RuntimeError, match="other fields"):
        kept_decision(old)
