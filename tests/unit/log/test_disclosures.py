"""Disclosures: derived salts, digests as in the public example, and matching them with a record's sealed values."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.log.disclosures import (
    Disclosure,
    digest_of,
    disclose,
    disclosure_salt,
    hkdf,
    open_sealed,
    parse_disclosure,
    pointer_name,
    pointer_to,
)
from core.log.errors import DisclosureInvalid
from core.log.records import parse_record
from shared.canonical import Json, b64url
from tests.unit.log.scenario import EVENT_ID, SCENARIO, SUMMIT

KEY = bytes(range(32))
SEALED = parse_record(SCENARIO.record).sealed
NOTE = SCENARIO.disclosures[0]


def encoded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


def test_hkdf_is_that_of_rfc_5869_test_case_3() -> None:
    assert hkdf(b"\x0b" * 22, b"", 42).hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )


def test_the_digest_is_that_of_the_example_in_rfc_9901() -> None:
    assert digest_of("WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0") == (
        "uutlBuYeMDyjLLTpf6Jxi7yNkEF35jdyWMn9U7b_RYY"
    )


def test_a_salt_depends_on_key_origin_event_and_place() -> None:
    salts = {
        disclosure_salt(key, origin, event, pointer)
        for key in (KEY, bytes(32))
        for origin in ("a/b/1", "a/b/2")
        for event in ("e", "f")
        for pointer in ("/object/a", "/object/b")
    }
    assert len(salts) == 16
    assert {len(salt) for salt in salts} == {16}
    with pytest.raises(DisclosureInvalid):
        disclosure_salt(b"short", "a", "b", "c")


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-(2**53) + 1, 2**53 - 1) | st.none())
def test_every_disclosure_survives_its_encoding_and_opens_its_digest(value: Json) -> None:
    made = disclose(key=KEY, origin=SUMMIT, event_id=str(EVENT_ID), pointer="/object/name", value=value)
    assert parse_disclosure(made.encoded) == made
    opening = open_sealed({"/object/name": made.digest}, [made])
    assert (opening.opened, opening.redacted) == ({"/object/name": value}, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "WyJh",
        "é",
        encoded(None),
        encoded([]),
        encoded([b64url(bytes(16)), "name"]),
        encoded([b64url(bytes(16)), "name", 1, 2]),
        encoded([b64url(bytes(15)), "name", 1]),
        encoded([b64url(bytes(16)) + "=", "name", 1]),
        encoded([5, "name", 1]),
        encoded([b64url(bytes(16)), 5, 1]),
        encoded([b64url(bytes(16)), "name", 1.5]),
        encoded({"salt": 1}),
        b64url(b'["' + b64url(bytes(16)).encode() + b'", "name",1]'),
        encoded([b64url(bytes(16)), "name", 1]) + "=",
        "A" * 70_000,
    ],
)
def test_what_is_not_a_disclosure_is_refused_with_one_error(text: str) -> None:
    with pytest.raises(DisclosureInvalid):
        parse_disclosure(text)


def test_values_without_disclosure_stay_redacted() -> None:
    assert open_sealed(SEALED, []).redacted == tuple(SEALED)
    opening = open_sealed(SEALED, SCENARIO.disclosures[:1])
    assert opening.opened == {"/object/note": "arrived with one guest"}
    assert set(opening.redacted) == set(SEALED) - {"/object/note"}


@pytest.mark.parametrize(
    "altered",
    [
        replace(NOTE, salt=bytes(16)),
        replace(NOTE, name="other"),
        replace(NOTE, value="arrived with two guests"),
        replace(NOTE, value=None),
    ],
)
def test_an_altered_disclosure_opens_nothing(altered: Disclosure) -> None:
    with pytest.raises(DisclosureInvalid):
        open_sealed(SEALED, [altered])


def test_a_disclosure_given_twice_is_refused() -> None:
    with pytest.raises(DisclosureInvalid, match="twice"):
        open_sealed(SEALED, [SCENARIO.disclosures[0]] * 2)


def test_a_disclosure_that_names_another_field_than_the_one_it_opens_is_refused() -> None:
    made = disclose(key=KEY, origin=SUMMIT, event_id=str(EVENT_ID), pointer="/object/name", value="x")
    with pytest.raises(DisclosureInvalid, match="another field"):
        open_sealed({"/object/role": made.digest}, [made])


def test_pointers_escape_as_rfc_6901_does() -> None:
    assert pointer_to("/a", "b/c~d") == "/a/b~1c~0d"
    assert pointer_name(pointer_to("/a", "b/c~1d")) == "b/c~1d"
