"""Sealing: personal values leave a record wherever they stand, and a mark that is wrong stops the record."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import pytest

from core.log.errors import MalformedRecord
from core.log.records import Sealed, parse_record, seal
from core.log.sealing import personal_fields, seal_event, state_fields, subjects_of
from shared.canonical import NotCanonical, dumps
from shared.events import Aggregate, Event, Personal
from tests.unit.log.scenario import EVENT, SCENARIO, Sealer

DIGEST = "A" * 43


def fixed(_sealed: Sealed) -> str:
    return DIGEST


@dataclass(frozen=True)
class Person:
    id: UUID
    name: Annotated[str, Personal("id")]
    born: Annotated[date, Personal("id")] | None = None


@dataclass(frozen=True)
class Party:
    host: Person
    guests: tuple[Person, ...]
    by_role: dict[str, Person]
    size: int


def test_personal_fields_are_replaced_wherever_they_stand_and_reported_with_their_subject() -> None:
    host, guest, cook = (
        Person(id=UUID(int=n), name=f"n{n}", born=born) for n, born in ((1, date(1990, 1, 2)), (2, None), (3, None))
    )
    seen: list[Sealed] = []

    def collect(sealed: Sealed) -> str:
        seen.append(sealed)
        return f"digest {len(seen)}"

    sealed = seal(Party(host=host, guests=(guest,), by_role={"a/b~": cook}, size=3), "/object", collect)
    assert sealed == {
        "host": {"id": str(host.id), "name": {"sd": "digest 1"}, "born": {"sd": "digest 2"}},
        "guests": [{"id": str(guest.id), "name": {"sd": "digest 3"}, "born": None}],
        "by_role": {"a/b~": {"id": str(cook.id), "name": {"sd": "digest 4"}, "born": None}},
        "size": 3,
    }
    assert [(each.subject, each.pointer, each.name, each.value) for each in seen] == [
        (host.id, "/object/host/name", "name", "n1"),
        (host.id, "/object/host/born", "born", "1990-01-02"),
        (guest.id, "/object/guests/0/name", "name", "n2"),
        (cook.id, "/object/by_role/a~1b~0/name", "name", "n3"),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Aggregate):
    kind = "member"
    name: Annotated[str | None, Personal("id")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Met(Event):
    type = "tests.met"
    where: Person
    party: Party
    member: Member
    whole: Annotated[Person | None, Personal("of")] = None
    of: UUID | None = None

    @property
    def parties(self) -> tuple[UUID, ...]:
        return (UUID(int=9),)


def person(number: int, name: str = "n") -> Person:
    return Person(id=UUID(int=number), name=name)


@pytest.mark.parametrize(
    ("changes", "subjects"),
    [
        ({}, {1, 2, 3, 4, 5}),
        ({"member": Member(id=UUID(int=5), version=2, name=None)}, {1, 2, 3, 4}),
        ({"party": Party(host=person(2), guests=(), by_role={}, size=0)}, {1, 2, 5}),
        # What stands inside a personal value is sealed with it, and not by itself.
        ({"whole": person(6), "of": UUID(int=7)}, {1, 2, 3, 4, 5, 7}),
    ],
)
def test_the_subjects_of_an_event_are_those_whose_values_it_seals(changes: dict[str, Any], subjects: set[int]) -> None:
    party = Party(host=person(2), guests=(person(3),), by_role={"cook": person(4)}, size=3)
    member = Member(id=UUID(int=5), version=2, name="n")
    event = replace(Met(where=person(1), party=party, member=member), **changes)
    sealed: set[object] = set()

    def collect(each: Sealed) -> str:
        sealed.add(each.subject)
        return DIGEST

    seal_event(event, collect)
    assert subjects_of(event) == sealed == {UUID(int=number) for number in subjects}


def test_a_personal_mark_is_seen_wherever_it_stands_in_a_type() -> None:
    @dataclass(frozen=True)
    class Marked:
        id: UUID
        plain: str
        optional: Annotated[str, Personal("id")] | None
        many: tuple[Annotated[str, Personal("id")], ...]
        whole: Annotated[Person, Personal("id")]

    assert personal_fields(Marked) == {"optional": "id", "many": "id", "whole": "id"}
    seen: list[Sealed] = []
    value = Marked(id=UUID(int=1), plain="p", optional="o", many=("m",), whole=Person(id=UUID(int=2), name="n"))

    def collect(sealed: Sealed) -> str:
        seen.append(sealed)
        return DIGEST

    text = dumps(seal(value, "", collect))
    assert b'"o"' not in text
    assert b'"m"' not in text
    assert b'"n"' not in text
    assert seen[2].value == {"id": str(UUID(int=2)), "name": "n", "born": None}


def test_a_set_of_people_is_refused_rather_than_published() -> None:
    with pytest.raises(MalformedRecord):
        seal(frozenset({Person(id=UUID(int=1), name="Ana")}), "", fixed)


def test_a_personal_field_that_names_nobody_is_refused() -> None:
    @dataclass(frozen=True)
    class Nameless:
        id: UUID | None
        name: Annotated[str | None, Personal("id")]

    assert seal(Nameless(id=None, name=None), "", fixed) == {"id": None, "name": None}
    with pytest.raises(MalformedRecord):
        seal(Nameless(id=None, name="Ana"), "", fixed)


def test_a_mark_that_points_to_no_field_is_refused() -> None:
    @dataclass(frozen=True)
    class Astray:
        id: UUID
        name: Annotated[str, Personal("member")]

    @dataclass(frozen=True)
    class Circular:
        name: Annotated[str, Personal("name")]

    @dataclass(frozen=True)
    class Torn:
        a: UUID
        b: UUID
        name: Annotated[Annotated[str, Personal("a")] | None, Personal("b")]

    for kind in (Astray, Circular, Torn):
        with pytest.raises(MalformedRecord):
            personal_fields(kind)


def test_a_float_deep_inside_is_named_as_what_it_is() -> None:
    with pytest.raises(NotCanonical):
        seal({"a": [1.5]}, "", fixed)


def test_the_fields_of_a_live_aggregate_are_those_of_its_last_record() -> None:
    assert state_fields(EVENT.visit, 0, Sealer()) == parse_record(SCENARIO.record).after[0].fields
    moved = replace(EVENT.visit, member_name="Eve")
    assert state_fields(moved, 0, Sealer()) != parse_record(SCENARIO.record).after[0].fields
