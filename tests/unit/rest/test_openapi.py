"""The OpenAPI document: what is checked is described, every problem is declared where it occurs, names are stable."""

from types import NoneType
from typing import Any, cast, get_args, get_type_hints

import pytest
from fastapi import APIRouter

from adapters.inbound.rest.clubs.agreements import agreements_router
from adapters.inbound.rest.clubs.clubs import clubs_router
from adapters.inbound.rest.clubs.members import members_router
from adapters.inbound.rest.clubs.receipts import receipts_router
from adapters.inbound.rest.clubs.verdicts import verdicts_router
from adapters.inbound.rest.clubs.visits import visits_router
from adapters.inbound.rest.edge.wire import ID_PATTERN
from adapters.inbound.rest.log import log_router, tiles_router
from adapters.inbound.rest.settings import Settings
from app.clubs.clubs import AmendClub
from app.clubs.members import AmendMember
from tests.unit.rest.fake import serve

METHODS = {"get", "post", "patch"}
OPERATIONS = {
    "POST /v1/clubs": "clubs.club.found",
    "GET /v1/clubs/{club_id}": "clubs.club.read",
    "PATCH /v1/clubs/{club_id}": "clubs.club.amend",
    "GET /v1/directory": "clubs.directory.read",
    "POST /v1/members": "clubs.member.enrol",
    "GET /v1/members": "clubs.member.list",
    "GET /v1/members/{member_id}": "clubs.member.read",
    "PATCH /v1/members/{member_id}": "clubs.member.amend",
    "POST /v1/members/{member_id}/facts": "clubs.member.record",
    "POST /v1/members/{member_id}/erase": "clubs.member.erase",
    "POST /v1/agreements": "clubs.agreement.draft",
    "GET /v1/agreements": "clubs.agreement.list",
    "GET /v1/agreements/{agreement_id}": "clubs.agreement.read",
    "POST /v1/agreements/{agreement_id}/propose": "clubs.agreement.propose",
    "POST /v1/agreements/{agreement_id}/counter": "clubs.agreement.counter",
    "POST /v1/agreements/{agreement_id}/accept": "clubs.agreement.accept",
    "POST /v1/agreements/{agreement_id}/amend": "clubs.agreement.amend",
    "POST /v1/agreements/{agreement_id}/activate": "clubs.agreement.activate",
    "POST /v1/agreements/{agreement_id}/suspend": "clubs.agreement.suspend",
    "POST /v1/agreements/{agreement_id}/lift": "clubs.agreement.lift",
    "POST /v1/agreements/{agreement_id}/give-notice": "clubs.agreement.give_notice",
    "POST /v1/visits": "clubs.visit.request",
    "GET /v1/visits": "clubs.visit.list",
    "GET /v1/visits/{visit_id}": "clubs.visit.read",
    "GET /v1/visits/{visit_id}/receipt": "clubs.visit.receipt",
    "POST /v1/visits/{visit_id}/confirm": "clubs.visit.confirm",
    "POST /v1/visits/{visit_id}/check-in": "clubs.visit.check_in",
    "POST /v1/visits/{visit_id}/check-out": "clubs.visit.check_out",
    "POST /v1/visits/{visit_id}/decline": "clubs.visit.decline",
    "POST /v1/visits/{visit_id}/cancel": "clubs.visit.cancel",
    "POST /v1/visits/{visit_id}/deny": "clubs.visit.deny",
    "POST /v1/visits/{visit_id}/no-show": "clubs.visit.no_show",
    "GET /v1/verdicts/{verdict_id}": "clubs.verdict.read",
    "GET /v1/visit-counts": "clubs.visit_count.list",
    "GET /v1/log/receipts/{event_id}": "log.receipt.read",
    "POST /v1/log/anchor": "log.anchor.ask",
    "GET /v1/trust": "log.trust.read",
    "GET /log/{origin}/checkpoint": "log.checkpoint.read",
    "GET /log/{origin}/tile/{tile}": "log.tile.read",
}
"""What clients were told. A name is changed by nobody: it also names the operation under idempotency keys."""


def product_routers() -> list[APIRouter]:
    """Routers close over use cases and call them later: the document needs none."""
    nothing = cast(Any, None)
    return [
        visits_router(nothing),
        receipts_router(nothing),
        members_router(nothing),
        agreements_router(nothing),
        clubs_router(nothing),
        verdicts_router(nothing, nothing),
        log_router(nothing, nothing, nothing),
        tiles_router(nothing),
    ]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return serve(Settings(docs=True), product_routers()).app.openapi()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def of_product(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {where: operation for where, operation in operations(document).items() if where in OPERATIONS}


def test_operations_keep_their_names(document: dict[str, Any]) -> None:
    ours = {
        where: each["operationId"]
        for where, each in operations(document).items()
        if "things" not in each["operationId"]
    }
    assert ours == OPERATIONS


def test_no_two_operations_share_a_name(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(names) == len(set(names))


def test_every_operation_has_a_title_in_words(document: dict[str, Any]) -> None:
    titles = {where: operation["summary"] for where, operation in of_product(document).items()}
    assert [where for where, title in titles.items() if len(title.split()) < 2 or title.endswith(".")] == []
    assert titles["GET /v1/members/{member_id}"] == "One member"
    assert titles["POST /v1/log/anchor"] == "Have the log anchored soon, not at the next full interval"


def test_what_a_title_does_not_say_stays_in_the_description_however_often_it_is_asked_for() -> None:
    app = serve(Settings(docs=True), product_routers()).app
    asked = [operations(app.openapi())["POST /v1/log/anchor"] for _ in range(2)]
    assert [each["description"] for each in asked] == ["To ask twice does no harm."] * 2
    assert len({each["summary"] for each in asked}) == 1


def test_only_published_logs_are_for_anybody(document: dict[str, Any]) -> None:
    open_ones = {where for where, operation in of_product(document).items() if not operation.get("security")}
    assert open_ones == {"GET /log/{origin}/checkpoint", "GET /log/{origin}/tile/{tile}"}
    assert document["components"]["securitySchemes"]["access token"]["scheme"] == "bearer"


def test_problems_are_declared_where_they_occur(document: dict[str, Any]) -> None:
    for where, operation in of_product(document).items():
        declared, method = set(operation["responses"]), where.split()[0]
        expected = {"400", "406", "422", "429", "431", "500", "503"}
        expected |= {"401", "403"} if operation.get("security") else set()
        expected |= {"404"} if "{" in where or method != "GET" else set()
        expected |= {"409", "412", "413", "415"} if method != "GET" else set()
        expected |= {"428"} if method == "PATCH" else set()
        assert expected == {status for status in declared if status >= "400"}, where
        for status in expected:
            schema = operation["responses"][status]["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}


def test_headers_and_pages_are_described(document: dict[str, Any]) -> None:
    def parameters(where: str) -> dict[str, bool]:
        return {each["name"]: each.get("required", False) for each in operations(document)[where].get("parameters", [])}

    assert parameters("POST /v1/visits/{visit_id}/check-in") == {
        "visit_id": True,
        "Idempotency-Key": True,
        "If-Match": False,
    }
    assert parameters("PATCH /v1/clubs/{club_id}") == {"club_id": True, "Idempotency-Key": False, "If-Match": True}
    assert parameters("POST /v1/clubs") == {"Idempotency-Key": False}
    assert parameters("GET /v1/visits") == {"state": False, "limit": False, "cursor": False}
    assert parameters("POST /v1/log/anchor") == {}


def test_a_query_parameter_is_absent_or_has_a_value(document: dict[str, Any]) -> None:
    [state, *_] = operations(document)["GET /v1/visits"]["parameters"]
    assert state["schema"] == {"$ref": "#/components/schemas/VisitState"}


def test_ids_in_paths_have_one_spelling(document: dict[str, Any]) -> None:
    [visit_id, *_] = operations(document)["GET /v1/visits/{visit_id}"]["parameters"]
    assert visit_id["schema"]["format"] == "uuid" and visit_id["schema"]["pattern"] == ID_PATTERN


def test_bodies_are_closed_and_described_by_name(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    body = operations(document)["POST /v1/agreements"]["requestBody"]
    assert body == {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/DraftAgreement"}}},
    }
    for name in ("DraftAgreement", "Terms", "Quota", "FoundClub", "EnrolMember", "CheckIn"):
        closed = schemas.get(name) or schemas[f"{name}-Input"]
        assert closed["additionalProperties"] is False, name
    partner = schemas["DraftAgreement"]["properties"]["partner"]
    assert partner["format"] == "uuid" and partner["pattern"].startswith("^[0-9a-f]{8}-")


def test_a_change_may_leave_any_field_out_and_empty_only_what_may_be_empty(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for command in (AmendClub, AmendMember):
        described = schemas[command.__name__]
        assert "required" not in described and not any("default" in each for each in described["properties"].values())
        nullable = [key for key, each in described["properties"].items() if {"type": "null"} in _choices(each)]
        assert nullable == [key for key, type_ in get_type_hints(command).items() if NoneType in get_args(type_)]
    assert {"type": "null"} in _choices(schemas["AmendMember"]["properties"]["residence"])
    assert schemas["AmendMember"]["properties"]["name"] == {"type": "string", "title": "Name"}


def _choices(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [*schema.get("anyOf", [schema])]


def test_answers_are_described_by_name(document: dict[str, Any]) -> None:
    def answer(where: str, status: str = "200") -> Any:
        return operations(document)[where]["responses"][status]["content"]

    assert answer("POST /v1/clubs", "201")["application/json"]["schema"] == {"$ref": "#/components/schemas/ClubView"}
    listed = answer("GET /v1/visits")["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    page = document["components"]["schemas"][listed]
    assert set(page["properties"]) == {"data", "meta"}
    assert page["properties"]["data"]["items"] == {"$ref": "#/components/schemas/VisitView"}
    for receipt in ("GET /v1/log/receipts/{event_id}", "GET /v1/visits/{visit_id}/receipt"):
        assert set(answer(receipt)) == {"application/json", "text/plain"}
    assert set(answer("GET /log/{origin}/tile/{tile}")) == {"application/octet-stream"}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set[str]()
            return own.union(*(references(part) for part in node.values()))
        return set[str]().union(*(references(part) for part in node)) if isinstance(node, list) else set()

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known


def test_fastapis_own_error_is_not_promised(document: dict[str, Any]) -> None:
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])
    assert document["openapi"].startswith("3.1")
