"""Commitments to a member and to a visit, and what the log makes of the events that carry them."""

from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from core.clubs.commitments import member_commitment, visit_commitment
from core.clubs.standing import FactKind
from core.clubs.visit import Visit, VisitCheckedIn
from core.log.records import build_records, parse_record
from core.log.sealing import Sealed
from shared.canonical import b64url, dumps
from shared.events import Event
from tests.unit.clubs.samples import (
    AGREEMENT,
    DAY,
    HARBOUR,
    MEADOW,
    MEMBER,
    NOW,
    REF,
    SEALED,
    SUMMIT,
    VISIT,
    ZONE,
    agreement,
    at_noon,
    checked_in,
    confirmed,
    enrolled,
    fact,
    facts,
    good_standing,
    judged,
    later,
    new_id,
    verdict,
    visit,
)

NOON = at_noon(DAY)
OTHER_SEAL = bytes(32)


def test_vis12_the_commitment_of_a_visit_is_the_hash_of_all_that_the_clubs_compare() -> None:
    key = bytes(range(32, 64))
    member = member_commitment(key, REF)
    assert member == sha256(b"concordat/member/v1\0" + key + REF.bytes).digest()
    booked = confirmed()
    there, (event,) = booked.check_in(judged(booked, NOON), OTHER_SEAL, member, NOON, ZONE)
    assert isinstance(event, VisitCheckedIn)
    body = {
        "visit": str(VISIT),
        "terms": b64url(there.terms_hash),
        "letter": None,
        "verdict": b64url(OTHER_SEAL),
        "checked_in_at": "2026-03-12T12:00:00.000000Z",
        "host": str(SUMMIT),
        "home": str(HARBOUR),
        "member": b64url(member),
    }
    expected = sha256(b"concordat/visit/v1\0" + dumps(dict(body))).digest()
    assert there.commitment == event.visit_commitment == expected


def test_vis12_every_part_of_the_commitment_counts() -> None:
    usual: dict[str, Any] = {
        "visit_id": VISIT,
        "terms_hash": SEALED,
        "verdict_hash": SEALED,
        "checked_in_at": NOON,
        "host_club": SUMMIT,
        "home_club": HARBOUR,
        "member": SEALED,
        "letter_id": None,
    }
    changes: dict[str, Any] = {
        "visit_id": MEADOW,
        "terms_hash": OTHER_SEAL,
        "verdict_hash": OTHER_SEAL,
        "checked_in_at": later(NOON, microseconds=1),
        "host_club": HARBOUR,
        "home_club": SUMMIT,
        "member": OTHER_SEAL,
        "letter_id": MEADOW,
    }
    hashes = {visit_commitment(**{**usual, name: value}) for name, value in changes.items()}
    assert len(hashes | {visit_commitment(**usual)}) == len(usual) + 1
    assert member_commitment(SEALED, REF) != member_commitment(OTHER_SEAL, REF)
    assert member_commitment(SEALED, REF) != member_commitment(SEALED, MEADOW)


def events() -> list[Event]:
    """An event of every decision about a member and a visit, with personal values wherever one may stand."""
    member, booked, there = enrolled(*good_standing()), confirmed(), checked_in()
    refused = judged(booked, NOON, category="country", distance_from_residence_metres=40_001)
    _, refusal = Visit.request(
        id=VISIT,
        agreement=agreement(),
        host_club=SUMMIT,
        home_club=HARBOUR,
        member_ref=REF,
        first_day=DAY,
        last_day=DAY,
        verdict=verdict(facts(distance_from_residence_metres=40_001)),
        verdict_hash=SEALED,
        at=NOW,
        zone=ZONE,
    )
    return [
        *member.amend(name="Ada Example", category="full", residence=None)[1],
        *member.record(fact(FactKind.SUSPENDED, DAY))[1],
        *member.erase()[1],
        *refusal,
        *booked.check_in(judged(booked, NOON), SEALED, SEALED, NOON, ZONE)[1],
        *booked.check_in(refused, SEALED, SEALED, NOON, ZONE)[1],
        *booked.deny("Ada Example wore no tie", NOON, ZONE)[1],
        *visit().decline("Ada Example is too loud")[1],
        *there.check_out(later(NOON, hours=1))[1],
        *booked.erase()[1],
    ]


@pytest.mark.parametrize("event", events(), ids=lambda event: event.type)
def test_aud5_no_record_of_an_event_shows_anything_personal(event: Event) -> None:
    sealed: list[Sealed] = []

    def digest(value: Sealed) -> str:
        sealed.append(value)
        return b64url(sha256(value.pointer.encode()).digest())

    logs = ("demo/summit/1", "demo/harbour/1")[: len(event.parties)]
    records = build_records(event, logs=logs, event_id=new_id(), at=NOW, actor="desk", req=None, digest=digest)
    for record in records:
        assert parse_record(record).type == event.type
        for personal in (
            b"Ada",
            b"H-1",
            b"47376900",
            b"40001",
            b"paid_through",
            b"suspended",
            b"country",
            b"judged_on",
        ):
            assert personal not in record
    # A subject is a member or a visit, and the digest of every value is made under its key.
    assert {one.subject for one in sealed} <= {MEMBER, VISIT}
    assert all(isinstance(one.subject, UUID) for one in sealed)


def test_aud6_an_erasure_needs_no_key_that_it_destroyed() -> None:
    def no_key_is_left(value: Sealed) -> str:
        raise AssertionError(value.pointer)

    for event in (*enrolled(*good_standing()).erase()[1], *confirmed().erase()[1]):
        build_records(
            event, logs=("demo/harbour/1",), event_id=new_id(), at=NOW, actor="desk", req=None, digest=no_key_is_left
        )


def test_aud5_a_members_reference_in_the_log_of_its_club_leads_to_nobody_once_erased() -> None:
    _, (event,) = enrolled(*good_standing()).record(fact(FactKind.SUSPENDED, DAY))
    (record,) = build_records(
        event,
        logs=("demo/harbour/1",),
        event_id=new_id(),
        at=NOW,
        actor="desk",
        req=None,
        digest=lambda value: b64url(sha256(value.pointer.encode()).digest()),
    )
    assert str(MEMBER).encode() in record
    assert str(REF).encode() not in record
    assert str(AGREEMENT).encode() not in record
