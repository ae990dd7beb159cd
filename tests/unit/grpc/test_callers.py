"""What every edge reads alike: tokens, ids of requests, keys, versions, and cursors."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inbound.callers import (
    LONGEST_KEY,
    NO_VERSION,
    bearer_token,
    ids_of,
    is_entity_tag,
    key_fault,
    under,
    version_in,
)
from adapters.inbound.cursors import LONGEST_CURSOR, Cursors, ForeignCursor, ListOf
from ports.caller import Caller
from shared.paging import PageRequest
from tests.unit.grpc.served import CLUB, new_id

CURSORS = Cursors(b"k" * 32)
LIST = ListOf(operation="a.b.list", club=CLUB, filters={"state": "x"})


@dataclass(frozen=True, kw_only=True)
class _Then:
    """A command."""

    name: str
    inner: tuple["_Then", ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Now:
    """The same command with a field that came later, and null is not its default."""

    name: str
    inner: tuple["_Now", ...] = ()
    dress_code: str | None = "none"


def test_field_that_a_command_gets_later_does_not_make_another_request_of_a_retry() -> None:
    caller = Caller(principal="p", club=CLUB, roles=frozenset(), request_id="r")
    before = caller.under("a", "k", CLUB, _Then(name="x", inner=(_Then(name="y"),)))
    assert caller.under("a", "k", CLUB, _Now(name="x", inner=(_Now(name="y"),))).once == before.once
    for other in (
        _Now(name="y", inner=(_Now(name="y"),)),
        _Now(name="x"),
        _Now(name="x", inner=(_Now(name="y"),), dress_code=None),
        _Now(name="x", inner=(_Now(name="y", dress_code=None),)),
    ):
        assert caller.under("a", "k", CLUB, other).once != before.once


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer",
        "Bearer ",
        "bearer a",
        "Bearer  a",
        "Bearer\ta",
        "Bearer a b",
        "Bearer a,b",
        "Bearer a\n",
        " Bearer a",
        "Bearer =a",
        "Bearer é",
        "Basic a",
        "Bearer a, Bearer b",
    ],
)
def test_credential_in_any_other_spelling_has_no_token(text: str) -> None:
    assert bearer_token(text) is None


def test_token_is_what_follows_the_scheme() -> None:
    assert bearer_token("Bearer v4.public.a-b_c~+/==") == "v4.public.a-b_c~+/=="


@pytest.mark.parametrize(
    "good",
    [
        "01957f3e-8000-7000-8000-000000000001",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "00000000-0000-0000-0000-000000000000",
        "f47ac10b58cc4372a5670e02b2c3d479",
        "F47AC10B58CC4372A5670E02B2C3D479",
    ],
)
def test_request_id_that_is_a_uuid_or_32_hex_digits_is_kept(good: str) -> None:
    assert ids_of(good, "", new_id).request_id == good


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "ada.marsh",
        "ada.marsh@club.example",
        "F47AC10B-58CC-4372-A567-0E02B2C3D479",
        "{f47ac10b-58cc-4372-a567-0e02b2c3d479}",
        "urn:uuid:f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479\n",
        "f47ac10b-58cc-4372-a567-0e02b2c3d47",
        "f47ac10b58cc-4372-a567-0e02b2c3d479",
        "f47ac10b58cc4372a5670e02b2c3d47",
        "f47ac10b58cc4372a5670e02b2c3d4790",
        "g47ac10b58cc4372a5670e02b2c3d479",
        "\u0664" * 32,
    ],
)
def test_request_id_that_might_name_somebody_is_replaced_by_a_new_one(bad: str) -> None:
    assert UUID(ids_of(bad, "", new_id).request_id).version == 7


@pytest.mark.parametrize(
    "bad",
    [
        "",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
        f"01-{'a' * 32}-b7ad6b7169203331-01",
        f"00-{'A' * 32}-b7ad6b7169203331-01",
        f"00-{'a' * 32}-b7ad6b7169203331-01\n",
    ],
)
def test_trace_that_is_not_well_formed_is_replaced_by_a_new_one(bad: str) -> None:
    ids = ids_of("", bad, new_id)
    assert ids.traceparent != bad
    assert ids_of("", ids.traceparent, new_id).trace_id == ids.trace_id


def test_key_is_1_to_255_printable_ascii_characters() -> None:
    assert [key_fault(key) is None for key in ("a", " ~", "k" * LONGEST_KEY)] == [True] * 3
    assert [key_fault(key) is None for key in ("", "k" * (LONGEST_KEY + 1), "é", "a\tb", "a\0")] == [False] * 5


@pytest.mark.parametrize(
    ("tag", "version"), [('"1"', 1), ('"42"', 42), ("*", None), ('"0"', 0), ('"01"', 0), ('W/"1"', 0), ('""', 0)]
)
def test_entity_tag_names_a_version_or_one_that_nothing_has(tag: str, version: int | None) -> None:
    assert is_entity_tag(tag)
    assert version_in(tag) == version
    assert NO_VERSION == 0


@pytest.mark.parametrize("text", ["", "1", '"1', '"1", "2"', "'1'", '"a b"', "**"])
def test_anything_else_is_no_entity_tag(text: str) -> None:
    assert not is_entity_tag(text)


def test_conditions_become_part_of_the_caller() -> None:
    caller = Caller(principal="ann", club=CLUB, roles=frozenset(), request_id="r")
    assert under(caller, operation="a", key=None, version=None, inputs=()) == caller
    once = under(caller, operation="a", key="k", version=3, inputs=(CLUB,))
    assert (once.expected_version, once.once) == (3, caller.under("a", "k", CLUB).once)


def test_cursor_asks_for_the_page_after_or_before_a_row() -> None:
    key = new_id()
    after, before = CURSORS.next(LIST, key), CURSORS.prev(LIST, key)
    assert after is not None and before is not None and len(after) <= LONGEST_CURSOR
    assert CURSORS.page(LIST, after, 7) == PageRequest(limit=7, after=key)
    assert CURSORS.page(LIST, before, 7) == PageRequest(limit=7, before=key)
    assert (CURSORS.next(LIST, None), CURSORS.prev(LIST, None)) == (None, None)


@pytest.mark.parametrize(
    ("cursors", "which"),
    [
        (Cursors(b"l" * 32), LIST),
        (CURSORS, ListOf(operation="a.c.list", club=CLUB, filters={"state": "x"})),
        (CURSORS, ListOf(operation="a.b.list", club=None, filters={"state": "x"})),
        (CURSORS, ListOf(operation="a.b.list", club=new_id(), filters={"state": "x"})),
        (CURSORS, ListOf(operation="a.b.list", club=CLUB, filters={})),
        (CURSORS, ListOf(operation="a.b.list", club=CLUB, filters={"state": "y"})),
    ],
)
def test_cursor_is_good_for_its_own_list_alone(cursors: Cursors, which: ListOf) -> None:
    cursor = CURSORS.next(LIST, new_id())
    assert cursor is not None
    with pytest.raises(ForeignCursor):
        cursors.page(which, cursor, 7)


@given(st.text(max_size=LONGEST_CURSOR + 2))
def test_no_text_is_a_cursor_by_chance(text: str) -> None:
    with pytest.raises(ForeignCursor):
        CURSORS.page(LIST, text, 7)
