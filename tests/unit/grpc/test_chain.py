"""The chain around every rpc: errors without text, deadlines, ids, the access log and the metrics."""

import asyncio
from typing import Any

import grpc
import pytest

from adapters.inbound.grpc.edge.call import calling
from adapters.inbound.grpc.edge.refusals import RefusedByRules, RuleFailure
from adapters.inbound.grpc.generated.concordat.v1 import visits_pb2 as pb
from adapters.inbound.grpc.settings import Settings
from shared.errors import Forbidden, Unavailable
from tests.unit.grpc.served import CLUB, CREDENTIAL, Served, serving

CODE = grpc.StatusCode
METHOD = "/concordat.v1.VisitService/GetVisit"
SECRET = "hunter2-correct-horse"
REQUEST = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def raising(error: BaseException) -> Any:
    async def do(_request: pb.GetVisitRequest) -> pb.GetVisitResponse:
        raise error

    return do


@pytest.mark.parametrize(
    "error", [RuntimeError(SECRET), KeyError(SECRET), TimeoutError(SECRET), AssertionError(SECRET)]
)
async def test_unknown_error_is_internal_with_an_id_and_no_text(
    served: Served, logs: list[Any], error: Exception
) -> None:
    served.told.do = raising(error)
    ended = await served.get()
    assert ended.code is CODE.INTERNAL
    assert SECRET not in str(ended)
    assert ended.details["ErrorInfo"].reason == "system/internal"
    assert ended.details["RequestInfo"].request_id == ended.trailing["x-request-id"]
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["unhandled"]
    assert served.measured("concordat_grpc_unhandled_errors_total") == 1


async def test_answer_that_is_no_message_of_the_rpc_is_internal(served: Served) -> None:
    wrong: Any = pb.GetVisitRequest(visit_id=SECRET)

    async def do(_request: pb.GetVisitRequest) -> pb.GetVisitResponse:
        answer: pb.GetVisitResponse = wrong.visit_id
        return answer

    served.told.do = do
    ended = await served.get()
    assert (ended.code, SECRET in str(ended)) == (CODE.INTERNAL, False)


async def test_refusal_carries_code_parameters_and_id(served: Served) -> None:
    served.told.do = raising(Forbidden(permission="clubs.visit.read", limit=4, nothing=None, odd={object()}))
    ended = await served.get(("x-request-id", REQUEST))
    assert (ended.code, ended.message) == (CODE.PERMISSION_DENIED, Forbidden.title)
    info = ended.details["ErrorInfo"]
    assert (info.reason, info.domain) == ("auth/forbidden", "concordat")
    assert dict(info.metadata) == {"permission": "clubs.visit.read", "limit": "4", "nothing": "null", "odd": "null"}
    assert ended.details["RequestInfo"].request_id == REQUEST


@pytest.mark.parametrize("size", [10, 240, 20_000])
async def test_refusal_by_many_rules_reaches_a_client_with_usual_limits(served: Served, size: int) -> None:
    failed = [RuleFailure(rule="vis6", code="visit/quota-exceeded", description="x" * size) for _ in range(17)]
    decision = pb.Decision(failed=[pb.Failure(rule="vis6", code="visit/quota-exceeded")] * 17)
    served.told.do = raising(RefusedByRules(failed, {"receipt": "id"}, decision))
    ended = await served.get()
    assert ended.code is CODE.FAILED_PRECONDITION
    assert ended.details["ErrorInfo"].metadata["receipt"] == "id"
    assert ("Decision" in ended.details) is (size == 10)


async def test_call_is_answered_after_the_longest_time_and_its_work_goes_on(logs: list[Any]) -> None:
    async with serving(Settings(longest_call_seconds=0.05)) as served:
        go_on, ended = asyncio.Event(), asyncio.Event()
        served.told.do = _waiting(go_on, ended)
        told = await served.get()
        assert (told.code, told.details["ErrorInfo"].reason) == (CODE.DEADLINE_EXCEEDED, "request/deadline-exceeded")
        assert told.details["RetryInfo"].retry_delay.seconds == 1
        assert _requests(logs)[0]["status"] == "DEADLINE_EXCEEDED"
        await _ends_by_itself(go_on, ended)


async def test_client_that_gives_up_leaves_work_that_goes_on(served: Served) -> None:
    go_on, ended = asyncio.Event(), asyncio.Event()
    served.told.do = _waiting(go_on, ended)
    assert (await served.get(within_seconds=0.1)).code is CODE.DEADLINE_EXCEEDED
    await _ends_by_itself(go_on, ended)


async def test_server_waits_for_abandoned_work_within_its_grace(served: Served) -> None:
    go_on, ended = asyncio.Event(), asyncio.Event()
    served.told.do = _waiting(go_on, ended)
    await served.get(within_seconds=0.1)
    stopping = asyncio.create_task(served.server.stop(grace_seconds=10))
    await asyncio.sleep(0.05)
    assert not stopping.done()
    await _ends_by_itself(go_on, ended)
    await stopping


async def test_server_cuts_abandoned_work_off_after_its_grace(served: Served) -> None:
    go_on, ended = asyncio.Event(), asyncio.Event()
    served.told.do = _waiting(go_on, ended)
    await served.get(within_seconds=0.1)
    async with asyncio.timeout(10):
        await served.server.stop(grace_seconds=0)
    assert not ended.is_set()


@pytest.mark.parametrize(("error", "told"), [(RuntimeError(SECRET), ["unhandled"]), (Forbidden(), [])])
async def test_fault_of_abandoned_work_is_logged(
    served: Served, logs: list[Any], error: Exception, told: list[str]
) -> None:
    go_on, ended = asyncio.Event(), asyncio.Event()
    served.told.do = _waiting(go_on, ended, error)
    await served.get(within_seconds=0.1)
    await _ends_by_itself(go_on, ended)
    await asyncio.sleep(0.01)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == told


async def test_timeout_of_something_inside_is_no_deadline(served: Served) -> None:
    served.told.do = raising(Unavailable())
    ended = await served.get(within_seconds=5)
    assert (ended.code, ended.details["RetryInfo"].retry_delay.seconds) == (CODE.UNAVAILABLE, 1)


async def test_cancelled_call_is_logged_as_such(served: Served, logs: list[Any]) -> None:
    begun = asyncio.Event()

    async def do(_request: pb.GetVisitRequest) -> pb.GetVisitResponse:
        begun.set()
        await asyncio.Event().wait()
        return pb.GetVisitResponse()

    served.told.do = do
    task = asyncio.create_task(served.get())
    async with asyncio.timeout(10):
        # Of a call that is cancelled on its way the server hears nothing.
        await begun.wait()
        while not served.measured("concordat_grpc_request_seconds_count", method=METHOD, status="CANCELLED"):
            await asyncio.sleep(0.01)
            task.cancel()
    assert _requests(logs)[0]["status"] == "CANCELLED"


async def test_ids_that_the_client_sent_are_taken_over_if_they_are_well_formed(served: Served, logs: list[Any]) -> None:
    ended = await served.get(("x-request-id", REQUEST), ("traceparent", TRACEPARENT))
    assert (ended.trailing["x-request-id"], ended.trailing["traceparent"]) == (REQUEST, TRACEPARENT)
    assert (_requests(logs)[0]["request_id"], _requests(logs)[0]["trace_id"]) == (REQUEST, TRACE)


@pytest.mark.parametrize("bad", ["", "ada.marsh", "a b", "a" * 65, 'x"y', "00-0-0-0"])
async def test_ids_that_are_not_well_formed_are_replaced(served: Served, bad: str) -> None:
    ended = await served.get(("x-request-id", bad if bad != "00-0-0-0" else " "), ("traceparent", bad))
    assert bad not in {ended.trailing["x-request-id"], ended.trailing["traceparent"]}
    assert len(ended.trailing["traceparent"]) == len(TRACEPARENT)


async def test_access_log_names_the_call_and_holds_no_metadata(served: Served, logs: list[Any]) -> None:
    await served.get(("x-secret", SECRET), ("idempotency-key", SECRET))
    (line,) = _requests(logs)
    assert SECRET not in str(logs)
    assert CREDENTIAL[1] not in str(logs)
    assert {name: line[name] for name in ("method", "status", "principal", "club", "log_level")} == {
        "method": METHOD,
        "status": "OK",
        "principal": "ann",
        "club": str(CLUB),
        "log_level": "info",
    }
    assert line["duration_ms"] >= 0


async def test_metrics_count_calls_by_method_and_status(served: Served) -> None:
    await served.get()
    await served.get()
    served.told.do = raising(Forbidden())
    await served.get()
    counted = {
        status: served.measured("concordat_grpc_request_seconds_count", method=METHOD, status=status)
        for status in ("OK", "PERMISSION_DENIED", "INTERNAL")
    }
    assert counted == {"OK": 2, "PERMISSION_DENIED": 1, "INTERNAL": None}


async def test_each_call_has_its_own_caller(served: Served) -> None:
    """Two calls at once in one process are two contexts."""
    both, seen = asyncio.Barrier(2), []

    async def do(_request: pb.GetVisitRequest) -> pb.GetVisitResponse:
        before = calling().request_id
        await both.wait()
        seen.append((before, calling().request_id))
        return pb.GetVisitResponse()

    served.told.do = do
    await asyncio.gather(served.get(("x-request-id", "1" * 32)), served.get(("x-request-id", "2" * 32)))
    assert sorted(seen) == [("1" * 32, "1" * 32), ("2" * 32, "2" * 32)]


def _waiting(go_on: asyncio.Event, ended: asyncio.Event, error: Exception | None = None) -> Any:
    """Work that lasts until it is told to go on, and then says that it came to its own end."""

    async def do(_request: pb.GetVisitRequest) -> pb.GetVisitResponse:
        await go_on.wait()
        ended.set()
        if error is not None:
            raise error
        return pb.GetVisitResponse()

    return do


async def _ends_by_itself(go_on: asyncio.Event, ended: asyncio.Event) -> None:
    assert not ended.is_set()
    go_on.set()
    async with asyncio.timeout(10):
        await ended.wait()


def _requests(logs: list[Any]) -> list[Any]:
    return [line for line in logs if line["event"] == "request"]
