"""A club, its currency, its zone and its place on the globe."""

from datetime import UTC, date, datetime, timedelta
from math import acos, cos, radians, sin
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs.club import Club, ClubFounded
from core.clubs.currency import EXPONENTS, UnknownCurrency, currency_code
from core.clubs.days import (
    BadStay,
    BadTimeOfDay,
    UnknownZone,
    check_stay,
    date_or_none,
    last_date_before,
    local_date,
    zone_name,
)
from core.clubs.geography import BadPosition, Position, distance_metres
from core.clubs.names import BadText
from shared.errors import Invalid
from tests.support.scenes import amended
from tests.unit.clubs.samples import HARBOUR

ZURICH = Position(latitude_microdegrees=47_376_900, longitude_microdegrees=8_541_700)
GENEVA = Position(latitude_microdegrees=46_204_400, longitude_microdegrees=6_143_200)

positions = st.builds(
    Position,
    latitude_microdegrees=st.integers(-90_000_000, 90_000_000),
    longitude_microdegrees=st.integers(-180_000_000, 180_000_000),
)


def founded() -> tuple[Club, tuple[ClubFounded]]:
    return Club.found(
        id=HARBOUR,
        slug="harbour",
        name=" Harbour ",
        zone="Europe/Zurich",
        currency="CHF",
        position=ZURICH,
        origin="demo/harbour/1",
    )


def test_aud1_founding_a_club_names_the_origin_of_its_log() -> None:
    club, (event,) = founded()
    assert (club.version, club.name, club.closing_time) == (1, "Harbour", "00:00")
    assert event.origin == "demo/harbour/1"
    assert event.parties == (club.id,)
    assert event.after == (club,)
    assert event.about == ("club", club.id, 1)


def test_sh1_amending_a_club_raises_its_version_by_one_and_leaves_the_rest() -> None:
    club, _ = founded()
    after, (event,) = amended(club, name="Harbour Rowing Club", zone="Asia/Tokyo", closing_time="23:30")
    assert (after.version, after.name, after.zone, after.closing_time) == (
        2,
        "Harbour Rowing Club",
        "Asia/Tokyo",
        "23:30",
    )
    assert (after.slug, after.currency, after.position) == (club.slug, club.currency, club.position)
    assert (event.club, event.parties) == (after, (club.id,))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"name": "\u202e"}, BadText),
        ({"zone": "Mars/Olympus"}, UnknownZone),
        ({"currency": "HRK"}, UnknownCurrency),
        ({"closing_time": "24:00"}, BadTimeOfDay),
    ],
)
def test_amending_a_club_checks_what_founding_checks(change: dict[str, Any], refusal: type[Invalid]) -> None:
    club, _ = founded()
    with pytest.raises(refusal):
        amended(club, **change)


@pytest.mark.parametrize(
    ("code", "exponent"),
    [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("UGX", 0), ("XCG", 2), ("ZWG", 2), ("SLE", 2), ("VED", 2)],
)
def test_sh3_a_currency_has_the_exponent_of_iso_4217(code: str, exponent: int) -> None:
    assert EXPONENTS[currency_code(code)] == exponent


@pytest.mark.parametrize("code", ["eur", "EURO", "", "HRK", "SLL", "ANG", "ZWL", "BGN", "CUC", "XAU", "XXX", "XTS"])
def test_a_currency_that_is_not_active_or_has_no_minor_unit_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency) as refused:
        currency_code(code)
    assert refused.value.parameters == {"field": "currency"}


def test_the_table_of_currencies_has_every_code_once() -> None:
    assert len(EXPONENTS) == 165
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in EXPONENTS)


@pytest.mark.parametrize("zone", ["Europe/Zurich", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+12"])
def test_a_zone_of_the_iana_database_is_accepted(zone: str) -> None:
    assert zone_name(zone) == zone


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "Europe",
        "Mars/Olympus",
        "../etc/passwd",
        "/etc/localtime",
        "localtime",
        "Factory",
        "UTC\0",
        "CET-1CEST,M3",
        "posix/Europe/Zurich",
        "right/Europe/Zurich",
    ],
)
def test_a_zone_that_names_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(UnknownZone):
        zone_name(zone)


def test_sh2_an_instant_falls_on_the_day_that_the_zone_shows() -> None:
    at = datetime(2026, 3, 11, 23, 30, tzinfo=UTC)
    assert local_date(at, "Europe/Zurich") == date(2026, 3, 12)
    assert local_date(at, "America/New_York") == date(2026, 3, 11)
    with pytest.raises(ValueError, match="time zone"):
        local_date(datetime(2026, 3, 11), "UTC")


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["Europe/Zurich", "Pacific/Apia", "America/St_Johns", "UTC", "Africa/Casablanca"]),
)
def test_sh2_the_last_day_before_an_instant_began_before_it_and_the_next_did_not(end: datetime, zone: str) -> None:
    day = last_date_before(end, zone)
    assert local_date(end - timedelta(microseconds=1), zone) == day
    assert local_date(end, zone) in (day, day + timedelta(days=1)) or zone == "Pacific/Apia"


@pytest.mark.parametrize(("last", "fits"), [(1, True), (31, True), (32, False)])
def test_a_stay_has_1_to_31_days(last: int, fits: bool) -> None:
    first = date(2026, 1, 1)
    if fits:
        check_stay(first, first + timedelta(days=last - 1))
        return
    with pytest.raises(BadStay):
        check_stay(first, first + timedelta(days=last - 1))


def test_a_stay_does_not_end_before_it_begins() -> None:
    with pytest.raises(BadStay):
        check_stay(date(2026, 1, 2), date(2026, 1, 1))


def test_days_outside_the_calendar_are_none() -> None:
    assert date_or_none(date.max.toordinal()) == date.max
    assert date_or_none(date.max.toordinal() + 1) is None
    assert date_or_none(0) is None


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(90_000_001, 0), (-90_000_001, 0), (0, 180_000_001), (0, -180_000_001)]
)
def test_a_position_off_the_globe_is_refused(latitude: int, longitude: int) -> None:
    with pytest.raises(BadPosition):
        Position(latitude_microdegrees=latitude, longitude_microdegrees=longitude)


@pytest.mark.parametrize(
    ("a", "b", "metres"),
    [
        (ZURICH, ZURICH, 0),
        (ZURICH, GENEVA, 224_351),
        # A degree along the equator, half the globe pole to pole, and the short way over the date line.
        (
            Position(latitude_microdegrees=0, longitude_microdegrees=0),
            Position(latitude_microdegrees=0, longitude_microdegrees=1_000_000),
            111_195,
        ),
        (
            Position(latitude_microdegrees=90_000_000, longitude_microdegrees=0),
            Position(latitude_microdegrees=-90_000_000, longitude_microdegrees=0),
            20_015_115,
        ),
        (
            Position(latitude_microdegrees=0, longitude_microdegrees=179_500_000),
            Position(latitude_microdegrees=0, longitude_microdegrees=-179_500_000),
            111_195,
        ),
    ],
)
def test_vis8_known_distances_come_out_in_whole_metres(a: Position, b: Position, metres: int) -> None:
    assert abs(distance_metres(a, b) - metres) <= 1
    assert type(distance_metres(a, b)) is int


@given(positions, positions)
def test_vis8_distance_is_symmetric_bounded_and_zero_only_for_the_same_place(a: Position, b: Position) -> None:
    metres = distance_metres(a, b)
    assert metres == distance_metres(b, a)
    assert 0 <= metres <= 20_015_116
    assert distance_metres(a, a) == 0


@given(positions, positions)
def test_vis8_distance_agrees_with_the_law_of_cosines(a: Position, b: Position) -> None:
    north_a, north_b = radians(a.latitude_microdegrees / 1e6), radians(b.latitude_microdegrees / 1e6)
    east = radians((b.longitude_microdegrees - a.longitude_microdegrees) / 1e6)
    cosine = sin(north_a) * sin(north_b) + cos(north_a) * cos(north_b) * cos(east)
    other = 6_371_009 * acos(max(-1.0, min(1.0, cosine)))
    # The law of cosines itself is only good to some metres for near and for opposite points.
    assert abs(distance_metres(a, b) - other) <= 200
