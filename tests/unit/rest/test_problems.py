"""Problems: every error of the product has a status, and every document has the members that RFC 9457 names."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from httpx2 import AsyncClient

from adapters.inbound.rest.edge import refusals
from adapters.inbound.rest.edge.problems import STATUS, status_of
from ports.ledger import LedgerBusy, LedgerRejected, LedgerUnavailable
from ports.log import NotYetSigned
from ports.tokens import TokenRefused
from ports.unit_of_work import InFlight, KeyReused, Missing
from shared.canonical import NotCanonical
from shared.errors import ConcordatError, Forbidden, Invalid, StaleVersion, TooOften, Unauthenticated
from shared.ids import MalformedId
from tests.unit.rest.fake import REQUEST

STATUSES: list[tuple[type[ConcordatError], int]] = [
    (Invalid, 422),
    (NotCanonical, 422),
    (MalformedId, 422),
    (KeyReused, 422),
    (refusals.NotAsDescribed, 422),
    (refusals.BadCursor, 422),
    (refusals.MalformedHTTP, 400),
    (refusals.MalformedJson, 400),
    (refusals.BadHeader, 400),
    (refusals.IdempotencyKeyRequired, 400),
    (refusals.UnknownHost, 400),
    (Unauthenticated, 401),
    (TokenRefused, 401),
    (Forbidden, 403),
    (Missing, 404),
    (refusals.NoSuchRoute, 404),
    (refusals.WrongMethod, 405),
    (refusals.NotAcceptable, 406),
    (LedgerRejected, 409),
    (InFlight, 409),
    (LedgerBusy, 409),
    (StaleVersion, 412),
    (refusals.BodyTooLarge, 413),
    (refusals.UnsupportedMediaType, 415),
    (refusals.PreconditionRequired, 428),
    (TooOften, 429),
    (refusals.HeadersTooLarge, 431),
    (NotYetSigned, 503),
    (LedgerUnavailable, 503),
]


@pytest.mark.parametrize(("kind", "status"), STATUSES, ids=[kind.__name__ for kind, _ in STATUSES])
def test_each_kind_of_refusal_has_its_status(kind: type[ConcordatError], status: int) -> None:
    assert status_of(kind.__new__(kind)) == status


def every_error() -> Iterator[type[ConcordatError]]:
    """All errors that the product defines: whatever is imported by the packages of the inner rings and of this edge."""
    for name in ("shared", "core", "ports", "app", "adapters.inbound.rest"):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)
    waiting = [*ConcordatError.__subclasses__()]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if not kind.__module__.startswith("tests."):
            yield kind


def test_no_error_of_the_product_is_a_500() -> None:
    assert [kind.__name__ for kind in every_error() if status_of(kind.__new__(kind)) == 500] == []


def test_an_error_of_no_known_kind_is_a_500() -> None:
    class Stray(ConcordatError):
        code = "stray/stray"
        title = "Of no kind."

    assert status_of(Stray()) == 500


def test_codes_and_titles_are_what_clients_may_lean_on() -> None:
    for kind in {*every_error()}:
        area, _, fact = kind.code.partition("/")
        assert area and fact and kind.code == kind.code.lower(), kind
        assert kind.title.endswith("."), kind


def test_the_table_has_each_kind_once_and_the_most_special_decides() -> None:
    assert status_of(StaleVersion()) != STATUS[StaleVersion.__mro__[1]]


async def test_a_problem_has_the_members_of_the_format_and_the_parameters(client: AsyncClient) -> None:
    answer = await client.get("/v1/fail/forbidden", headers={"x-request-id": REQUEST})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert answer.json() == {
        "type": "auth/forbidden",
        "title": "The caller lacks the permission for this.",
        "status": 403,
        "detail": "The caller lacks the permission for this.",
        "instance": f"urn:concordat:request:{REQUEST}",
        "permission": "things.fail",
    }


async def test_a_parameter_cannot_take_the_place_of_a_member_of_the_format(client: AsyncClient) -> None:
    problem = (await client.get("/v1/fail/clash")).json()
    assert (problem["type"], problem["status"]) == ("thing/too-short", 422)
    assert (problem["error_type"], problem["error_status"], problem["field"]) == ("odd", "odd", "x")
    assert problem["unprintable"] is None


async def test_what_may_be_tried_again_says_when(client: AsyncClient) -> None:
    answer = await client.get("/v1/fail/unavailable")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
