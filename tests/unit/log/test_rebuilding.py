"""What a rebuild finds again and declares lost: a declaration that was changed in any way is no word of the log."""

from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.ed25519 import Signer, verify
from core.log.checkpoints import parse_checkpoint
from core.log.errors import LogInvalid, MalformedCheckpoint
from core.log.notes import VerifierKey, parse_note
from core.log.rebuilding import (
    LogRebuilt,
    Stretch,
    declare,
    declared_lost,
    found_again,
    merged,
    stretches,
    within,
)
from core.log.records import Record, build_record, parse_record
from core.log.trust import KeyRange
from shared.canonical import dumps, loads
from shared.clock import parse_utc

ORIGIN = "concordat.test/harbour/1"
CLUB, EVENT = UUID(int=7), UUID(int=8)
AT = parse_utc("2026-03-12T09:30:00.000000Z")
SIGNER = Signer(bytes(range(32)))
KEY = VerifierKey(name=ORIGIN, public=SIGNER.key)
KEYS = (KeyRange(key=KEY),)
LOST = (Stretch(first=4, last=6), Stretch(first=9, last=9))


def record_of(event: LogRebuilt, **changes: Any) -> Record:
    """The event's record, with changed members of its object."""
    data = build_record(event, log=ORIGIN, event_id=EVENT, at=AT, actor="x", req=None, digest=lambda _: "")
    value = loads(data)
    assert isinstance(value, dict) and isinstance(value["object"], dict)
    return parse_record(dumps({**value, "object": {**value["object"], **changes}}))


def declaration(lost: tuple[Stretch, ...] = LOST, key: VerifierKey = KEY, signer: Signer = SIGNER) -> LogRebuilt:
    return declare(club=CLUB, origin=ORIGIN, first=4, size=10, lost=lost, key=key, sign=signer)


@given(st.sets(st.integers(0, 60)))
def test_stretches_hold_exactly_the_indices_and_never_touch(indices: set[int]) -> None:
    found = stretches(sorted(indices))
    assert [index for each in found for index in range(each.first, each.last + 1)] == sorted(indices)
    assert all(one.last + 1 < other.first for one, other in pairwise(found))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9))))
def test_an_index_is_within_what_was_declared_whatever_overlaps(spans: list[tuple[int, int]]) -> None:
    declared = [Stretch(first=first, last=first + more) for first, more in spans]
    found = merged(declared)
    for index in range(-1, 52):
        assert within(index, found) == any(each.first <= index <= each.last for each in declared)


@given(
    st.lists(st.sampled_from([b"a", b"b", b"c"])), st.dictionaries(st.sampled_from([b"a", b"b", b"x"]), st.integers())
)
def test_a_record_that_waits_is_found_at_most_once_and_under_its_commitment(
    published: list[bytes], waiting: dict[bytes, int]
) -> None:
    again = found_again(published, waiting)
    for commitment, record in waiting.items():
        places = [at for at, one in enumerate(published) if one == commitment]
        assert [again[at] for at in places] == [record, *([None] * len(places))][: len(places)]
    assert all(one is None for commitment, one in zip(published, again, strict=True) if commitment not in waiting)


@pytest.mark.parametrize("lost", [(), LOST, (Stretch(first=4, last=9),)])
def test_what_was_declared_is_read_from_the_record(lost: tuple[Stretch, ...]) -> None:
    event = declaration(lost)
    record = record_of(event)
    assert declared_lost(record, KEYS, verify) == lost
    assert (event.parties, event.about, event.after) == ((CLUB,), ("log", CLUB, 10), ())


@pytest.mark.parametrize(
    "changes",
    [
        {"first": 3},
        {"size": 11},
        {"lost": [{"first": 4, "last": 7}, {"first": 9, "last": 9}]},
        {"lost": [{"first": 4, "last": 6}]},
        {"lost": []},
        {"lost": [{"first": 9, "last": 9}, {"first": 4, "last": 6}]},
        {"lost": [{"first": 4, "last": 6}, {"first": 9, "last": 10}]},
        {"lost": [{"first": 6, "last": 4}]},
        {"lost": [{"first": 3, "last": 6}]},
        {"lost": [{"first": 4}]},
        {"lost": [4]},
        {"lost": None},
        {"first": True},
        {"first": "4"},
        {"size": None},
        {"declaration": None},
        {"declaration": "no note"},
        {"declaration": declaration(()).declaration},
    ],
)
def test_a_record_that_was_changed_declares_nothing(changes: dict[str, Any]) -> None:
    with pytest.raises(LogInvalid):
        declared_lost(record_of(declaration(), **changes), KEYS, verify)


def test_another_key_and_another_log_declare_nothing() -> None:
    stranger = Signer(bytes(32))
    forged = declaration(key=VerifierKey(name=ORIGIN, public=stranger.key), signer=stranger)
    with pytest.raises(LogInvalid):
        declared_lost(record_of(forged), KEYS, verify)
    other = declare(club=CLUB, origin="concordat.test/summit/1", first=4, size=10, lost=LOST, key=KEY, sign=SIGNER)
    with pytest.raises(LogInvalid):
        declared_lost(record_of(other), KEYS, verify)


def test_a_declaration_is_no_checkpoint() -> None:
    for lost in ((), LOST):
        with pytest.raises(MalformedCheckpoint):
            parse_checkpoint(parse_note(declaration(lost).declaration).text)
