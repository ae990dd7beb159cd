"""Views of the clubs module as messages: fields of the same names, days as text, instants as timestamps."""

from collections.abc import Mapping
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from adapters.inbound.grpc.edge.refusals import RefusedByRules, RuleFailure
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from app.clubs.visits import Decision, VisitView
from core.clubs.decoding import NotDecodable, from_plain
from core.clubs.eligibility import Failure
from core.clubs.visit_states import VisitState
from shared.canonical import Json, b64url

_PREFIX = "VISIT_STATE_"

STATES: Mapping[VisitState, pb.VisitState.ValueType] = {
    state: pb.VisitState.Value(f"{_PREFIX}{state.name}") for state in VisitState
}
_STATES_BY_NUMBER = {number: state for state, number in STATES.items()}


def state_of(number: pb.VisitState.ValueType) -> VisitState | None:
    """The state that a request names, None if it names none; the chain let no unknown number through."""
    return _STATES_BY_NUMBER.get(number)


def outcome(decision: Decision) -> pb.Decision:
    """The decision as a message; raises RefusedByRules for one that refuses: that is how gRPC tells it."""
    message = decision_message(decision)
    if decision.eligible:
        return message
    failed = [
        RuleFailure(rule=failure.rule, code=failure.code, description=_description(failure))
        for failure in decision.failed
    ]
    told = {"receipt": str(decision.receipt), "verdict_hash": b64url(decision.verdict_hash)}
    raise RefusedByRules(failed, told, message)


def decision_message(decision: Decision) -> pb.Decision:
    """The same with no regard to what it says."""
    return pb.Decision(
        eligible=decision.eligible,
        failed=[_failure_message(failure) for failure in decision.failed],
        verdict_hash=decision.verdict_hash,
        visit=None if decision.visit is None else visit_message(decision.visit),
        receipt=str(decision.receipt),
    )


def kept_decision(answer: Json) -> Decision:
    """The decision that was kept as this JSON; raises RuntimeError for fields that a decision of today cannot have."""
    try:
        return from_plain(Decision, answer)
    except NotDecodable:
        # Passed on as it is, it would be a refusal of what the caller sent.
        raise RuntimeError("a kept decision has other fields than those of today") from None


def visit_message(visit: VisitView) -> pb.Visit:
    return pb.Visit(
        id=str(visit.id),
        version=visit.version,
        host_club=str(visit.host_club),
        home_club=str(visit.home_club),
        agreement_id=str(visit.agreement_id),
        terms_number=visit.terms_number,
        terms_hash=visit.terms_hash,
        member_ref=str(visit.member_ref),
        first_day=visit.first_day.isoformat(),
        last_day=visit.last_day.isoformat(),
        state=STATES[visit.state],
        verdict_hash=visit.verdict_hash,
        requested_at=_timestamp(visit.requested_at),
        confirmed_at=_timestamp(visit.confirmed_at),
        checked_in_at=_timestamp(visit.checked_in_at),
        checked_out_at=_timestamp(visit.checked_out_at),
        auto_check_out=visit.auto_check_out,
        reason=visit.reason,
        commitment=visit.commitment,
        erased=visit.erased,
    )


def _failure_message(failure: Failure) -> pb.Failure:
    parameters = {name: _parameter(value) for name, value in failure.parameters.items()}
    return pb.Failure(rule=failure.rule, code=failure.code, parameters=parameters)


def _parameter(value: str | int | None) -> pb.ParameterValue:
    if value is None:
        return pb.ParameterValue()
    return pb.ParameterValue(text=value) if isinstance(value, str) else pb.ParameterValue(number=value)


def _description(failure: Failure) -> str:
    # In one order, whatever the rule's own.
    return ", ".join(f"{name} {value}" for name, value in sorted(failure.parameters.items()) if value is not None)


def _timestamp(instant: datetime | None) -> Timestamp | None:
    if instant is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(instant)
    return timestamp
