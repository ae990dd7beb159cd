"""Records: their exact shape, what is sealed in them, the commitment and leaf, and everything that is not a record."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.log.errors import MalformedOrigin, MalformedRecord
from core.log.records import (
    Origin,
    Sealed,
    build_record,
    build_records,
    commitment,
    commitment_of_leaf,
    leaf_data,
    leaf_of,
    parse_origin,
    parse_record,
    seal,
)
from shared.canonical import dumps
from shared.events import Event
from tests.unit.log.scenario import (
    CHECKED_IN_AT,
    EVENT,
    EVENT_ID,
    GUEST_ID,
    HARBOUR,
    MEMBER_ID,
    SCENARIO,
    SUMMIT,
    Sealer,
)

DIGEST = "A" * 43


def fixed(_sealed: Sealed) -> str:
    return DIGEST


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@dataclass(frozen=True, kw_only=True)
class Said(Event):
    type: ClassVar[str] = "clubs.said"

    value: Any

    @property
    def parties(self) -> tuple[UUID, ...]:
        return (MEMBER_ID,)


def record_of(value: object) -> bytes:
    return build_record(
        Said(value=value), log=HARBOUR, event_id=EVENT_ID, at=CHECKED_IN_AT, actor="a", req=None, digest=fixed
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        ("text", "text"),
        (MEMBER_ID, str(MEMBER_ID)),
        (CHECKED_IN_AT, "2026-03-12T18:04:05.678901Z"),
        (date(2026, 3, 12), "2026-03-12"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (b"\xff\xfe", "__4"),
        ((1, "a"), [1, "a"]),
        ([], []),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({Colour.RED: {"x": 1}}, {"red": {"x": 1}}),
    ],
)
def test_each_kind_of_value_has_one_spelling(value: object, expected: object) -> None:
    assert seal(value, "", fixed) == expected
    assert parse_record(record_of(value)).object == {"value": expected}


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        2**53,
        Decimal(1),
        object(),
        "\ud800",
        datetime(2026, 1, 1),
        {"é": 1},
        {1: 2},
        {None: 1},
        {"sd": "x"},
        frozenset({(1, 2)}),
        str,
        {"deep": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]},
    ],
)
def test_a_value_that_has_no_canonical_form_is_refused_with_one_error(value: object) -> None:
    with pytest.raises(MalformedRecord):
        record_of(value)


def test_a_record_has_exactly_the_members_of_version_1() -> None:
    record = json.loads(SCENARIO.record)
    assert list(record) == ["actor", "after", "at", "id", "log", "object", "req", "type", "v"]
    assert (record["v"], record["log"], record["type"]) == (1, HARBOUR, "clubs.visit_checked_in")
    assert list(record["object"]) == ["desk", "member", "note"]
    assert list(record["after"][0]) == ["fields", "id", "kind", "version"]
    assert (record["after"][0]["kind"], record["after"][0]["version"]) == ("visit", 7)
    assert "id" not in record["after"][0]["fields"]
    for value in ("Ana", "vind", "arrived"):
        assert value.encode() not in SCENARIO.record


def test_records_of_two_logs_differ_in_their_log_alone_and_no_leaf_matches() -> None:
    sealer, harbour, summit = SCENARIO.recorded
    assert harbour.replace(HARBOUR.encode(), SUMMIT.encode()) == summit
    assert [each.pointer for each, _ in sealer.kept] == [
        "/object/note",
        "/after/0/fields/member_name",
        "/after/0/fields/guest_name",
    ]
    assert [each.subject for each, _ in sealer.kept] == [MEMBER_ID, MEMBER_ID, GUEST_ID]
    first, second = commitment(SCENARIO.salt, harbour), commitment(SCENARIO.other_salt, summit)
    assert first != second


def test_a_parsed_record_says_what_was_built() -> None:
    record = parse_record(SCENARIO.record)
    assert (record.log, record.id, record.at) == (HARBOUR, str(EVENT_ID), CHECKED_IN_AT)
    assert record.after[0].fields["reference"] == "H-7Q2M"
    assert set(record.sealed) == {"/object/note", "/after/0/fields/member_name", "/after/0/fields/guest_name"}
    assert record.sealed["/object/note"] == SCENARIO.disclosures[0].digest


def test_the_commitment_and_the_leaf_are_those_of_the_design() -> None:
    salt, record = bytes(range(32)), b'{"v":1}'
    committed = commitment(salt, record)
    assert committed == sha256(b"concordat/record/v1\0" + salt + record).digest()
    assert leaf_data(committed) == b"\x01" + committed
    assert leaf_of(committed) == sha256(b"\0\x01" + committed).digest()
    assert commitment_of_leaf(leaf_data(committed)) == committed


@pytest.mark.parametrize(
    "refused",
    [
        lambda: commitment(b"short", b""),
        lambda: leaf_data(b"short"),
        lambda: commitment_of_leaf(b"\x02" + bytes(32)),
        lambda: commitment_of_leaf(b"\x01" + bytes(31)),
        lambda: commitment_of_leaf(b""),
    ],
)
def test_salts_commitments_and_leaves_of_another_form_are_refused(refused: Callable[[], bytes]) -> None:
    with pytest.raises(MalformedRecord):
        refused()


def changed(**members: object) -> bytes:
    record = {**json.loads(SCENARIO.record), **members}
    return dumps({name: value for name, value in record.items() if value is not ...})


STATE = {"kind": "visit", "id": str(MEMBER_ID), "version": 1, "fields": {}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        SCENARIO.record + b"\n",
        SCENARIO.record[:-1],
        b" " + SCENARIO.record,
        SCENARIO.record.replace(b'"v":1', b'"v":1.0'),
        SCENARIO.record.replace(b'"v":1', b'"v":1,"v":1'),
        SCENARIO.record.replace(b"north", b"\\u006eorth"),
        changed(v=2),
        changed(v=True),
        changed(v="1"),
        changed(v=...),
        changed(more=1),
        changed(log="nonsense"),
        changed(log=3),
        changed(id=str(MEMBER_ID).upper().replace("0", "A")),
        changed(id="{" + str(MEMBER_ID) + "}"),
        changed(id=""),
        changed(type="visit"),
        changed(type="Clubs.Visit"),
        changed(at="2026-03-12T18:04:05Z"),
        changed(at="2026-03-12T18:04:05.678901+00:00"),
        changed(at="2026-02-30T18:04:05.678901Z"),
        changed(at=5),
        changed(actor=""),
        changed(actor=None),
        changed(req=""),
        changed(req=1),
        changed(object=[]),
        changed(object={"a": {"sd": "short"}}),
        changed(object={"a": {"sd": None}}),
        changed(object={"a": {"sd": "A" * 42 + "B"}}),
        changed(object={"a": {"sd": DIGEST}, "b": {"sd": DIGEST}}),
        changed(after={}),
        changed(after=[1]),
        changed(after=[{**STATE, "version": -1}]),
        changed(after=[{**STATE, "version": True}]),
        changed(after=[{**STATE, "kind": "Visit"}]),
        changed(after=[{**STATE, "id": "x"}]),
        changed(after=[{**STATE, "fields": []}]),
        changed(after=[{**STATE, "more": 1}]),
        b"[" * 100_000,
        b'"' + b"a" * (1 << 20) + b'"',
    ],
)
def test_what_is_not_a_record_is_refused_with_one_error(data: bytes) -> None:
    with pytest.raises(MalformedRecord):
        parse_record(data)


def test_a_record_is_refused_for_a_log_that_has_no_proper_name() -> None:
    for logs in (("Harbour",), (HARBOUR, "Summit")):
        with pytest.raises(MalformedRecord):
            build_records(EVENT, logs=logs, event_id=EVENT_ID, at=CHECKED_IN_AT, actor="a", req=None, digest=Sealer())


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="ascii")), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_any_json_value_survives_its_record_or_is_refused(value: Any) -> None:
    try:
        data = record_of(value)
    except MalformedRecord:
        assert '"sd"' in json.dumps(value)
        return
    assert parse_record(data).object == {"value": value}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a/b",
        "a/b/0",
        "a/b/01",
        "a/b/c",
        "A/b/1",
        "a//1",
        "../b/1",
        "a/b/1/2",
        "a b/c/1",
        "a+b/c/1",
        "a/b/1\n",
        "-a/b/1",
        "a" * 300 + "/b/1",
    ],
)
def test_what_is_not_an_origin_is_refused_with_one_error(text: str) -> None:
    with pytest.raises(MalformedOrigin):
        parse_origin(text)


def test_an_origin_is_network_club_and_epoch() -> None:
    assert parse_origin(HARBOUR) == Origin(network="clubs.example", club="harbour", epoch=1)
    assert str(Origin(network="n", club="c", epoch=12)) == "n/c/12"
    with pytest.raises(MalformedOrigin):
        Origin(network="n/x", club="c", epoch=0)
