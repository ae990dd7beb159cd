"""Terms: what can be agreed on, and that the same terms have the same hash however they were written down."""

from dataclasses import fields, replace
from datetime import date
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clubs.decoding import NotDecodable, from_plain
from core.clubs.names import BadText
from core.clubs.standing import Fact, Standing
from core.clubs.terms import (
    AgreementStatus,
    BadTerms,
    Quota,
    Terms,
    TermsVersion,
    UnknownResidence,
    Window,
    terms_hash,
)
from shared.canonical import dumps, loads, plain
from tests.unit.clubs.samples import HARBOUR, good_standing, terms

MONTH, YEAR = Quota(window=Window.CALENDAR_MONTH, limit=4), Quota(window=Window.CALENDAR_YEAR, limit=48)
ROLLING = Quota(window=Window.ROLLING_DAYS, limit=5, days=30)

quotas = st.lists(
    st.one_of(
        st.builds(
            Quota,
            window=st.sampled_from([Window.CALENDAR_MONTH, Window.CALENDAR_QUARTER, Window.CALENDAR_YEAR]),
            limit=st.integers(1, 10_000),
        ),
        st.builds(Quota, window=st.just(Window.ROLLING_DAYS), limit=st.integers(1, 10_000), days=st.integers(1, 1_830)),
    ),
    max_size=5,
    unique_by=lambda quota: (quota.window, quota.days),
).map(tuple)

all_terms = st.builds(
    Terms,
    effective_from=st.dates(date(2000, 1, 1), date(2050, 1, 1)),
    effective_until=st.none() | st.dates(date(2050, 1, 2)),
    categories=st.lists(st.sampled_from(["full", "country", "junior"]), min_size=1, unique=True).map(tuple),
    accepted_standings=st.sampled_from([(Standing.GOOD,), (Standing.GOOD, Standing.GRACE)]),
    quotas=quotas,
    least_distance_metres_from_club=st.integers(0, 20_100_000),
    least_distance_metres_from_residence=st.integers(0, 20_100_000),
    unknown_residence=st.sampled_from(UnknownResidence),
    notice_days=st.integers(0, 3_660),
    grace_days=st.integers(0, 366),
    no_show_consumes=st.booleans(),
    matched=st.booleans(),
)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"effective_until": date(2026, 1, 1)}, "effective_until"),
        ({"effective_until": date(2025, 1, 1)}, "effective_until"),
        ({"categories": ()}, "categories"),
        ({"categories": ("full", "full")}, "categories"),
        ({"categories": ("full", " full ")}, "categories"),
        ({"accepted_standings": ()}, "accepted_standings"),
        ({"accepted_standings": (Standing.GRACE,)}, "accepted_standings"),
        ({"accepted_standings": (Standing.GOOD, Standing.LAPSED)}, "accepted_standings"),
        ({"quotas": (MONTH, replace(MONTH, limit=5))}, "quotas"),
        ({"quotas": (ROLLING, replace(ROLLING, limit=6))}, "quotas"),
        ({"quotas": tuple(replace(ROLLING, days=days) for days in range(1, 18))}, "quotas"),
        ({"least_distance_metres_from_club": -1}, "least_distance_metres_from_club"),
        ({"least_distance_metres_from_residence": 20_100_001}, "least_distance_metres_from_residence"),
        ({"notice_days": -1}, "notice_days"),
        ({"grace_days": 367}, "grace_days"),
    ],
)
def test_terms_that_make_no_sense_are_refused_by_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(BadTerms) as refused:
        terms(**change)
    assert refused.value.parameters["field"] == field
    assert refused.value.code == "agreement/bad-terms"


@pytest.mark.parametrize(
    ("window", "limit", "days", "field"),
    [
        (Window.CALENDAR_MONTH, 0, None, "quotas.limit"),
        (Window.CALENDAR_MONTH, 10_001, None, "quotas.limit"),
        (Window.CALENDAR_YEAR, 4, 30, "quotas.days"),
        (Window.ROLLING_DAYS, 4, None, "quotas.days"),
        (Window.ROLLING_DAYS, 4, 0, "quotas.days"),
        (Window.ROLLING_DAYS, 4, 1_831, "quotas.days"),
    ],
)
def test_a_quota_that_makes_no_sense_is_refused_by_field(
    window: Window, limit: int, days: int | None, field: str
) -> None:
    with pytest.raises(BadTerms) as refused:
        Quota(window=window, limit=limit, days=days)
    assert refused.value.parameters["field"] == field


def test_a_category_is_a_label() -> None:
    with pytest.raises(BadText):
        terms(categories=("fu\u200bll",))


def test_agr4_the_effective_window_is_half_open() -> None:
    agreed = terms(effective_from=date(2026, 1, 1), effective_until=date(2026, 7, 1))
    for day, status in (
        (date(2025, 12, 31), AgreementStatus.NOT_ACTIVE),
        (date(2026, 1, 1), AgreementStatus.ACTIVE),
        (date(2026, 6, 30), AgreementStatus.ACTIVE),
        (date(2026, 7, 1), AgreementStatus.EXPIRED),
    ):
        assert agreed.status_on(day) is status
    assert terms(effective_until=None).status_on(date.max) is AgreementStatus.ACTIVE


def test_agr2_the_same_terms_have_the_same_hash_in_whatever_order_they_are_written() -> None:
    one = terms(
        categories=("full", "country"),
        accepted_standings=(Standing.GRACE, Standing.GOOD),
        quotas=(YEAR, ROLLING, MONTH),
    )
    other = terms(
        categories=("country", "full"),
        accepted_standings=(Standing.GOOD, Standing.GRACE),
        quotas=(MONTH, YEAR, ROLLING),
    )
    assert one == other
    assert terms_hash(one) == terms_hash(other)


def test_agr2_every_field_of_the_terms_changes_the_hash() -> None:
    usual = terms()
    changes: dict[str, Any] = {
        "effective_from": date(2025, 1, 1),
        "effective_until": None,
        "categories": ("country",),
        "accepted_standings": (Standing.GOOD, Standing.GRACE),
        "quotas": (MONTH,),
        "least_distance_metres_from_club": 1,
        "least_distance_metres_from_residence": 1,
        "unknown_residence": UnknownResidence.ASK_PROOF,
        "notice_days": 1,
        "grace_days": 1,
        "no_show_consumes": True,
        "matched": True,
    }
    assert set(changes) == {field.name for field in fields(Terms)}
    hashes = {terms_hash(replace(usual, **{field: value})) for field, value in changes.items()}
    assert len(hashes | {terms_hash(usual)}) == len(changes) + 1


def test_agr2_the_hash_of_known_terms_never_changes() -> None:
    agreed = Terms(effective_from=date(2026, 1, 1), categories=("full",), quotas=(MONTH,))
    written = (
        b'{"accepted_standings":["good"],"categories":["full"],"effective_from":"2026-01-01","effective_until":null,'
        b'"grace_days":0,"least_distance_metres_from_club":0,"least_distance_metres_from_residence":0,"matched":false,'
        b'"no_show_consumes":false,"notice_days":30,"quotas":[{"days":null,"limit":4,"window":"calendar_month"}],'
        b'"unknown_residence":"refuse"}'
    )
    assert terms_hash(agreed) == sha256(b"concordat/terms/v1\0" + written).digest()
    assert terms_hash(agreed).hex() == "d30a440e5f39b068e7ac5949ee89e61fb2be75c7751b7e19c08161542b562713"


@given(all_terms)
def test_sh5_terms_and_their_versions_survive_their_canonical_encoding(agreed: Terms) -> None:
    version = TermsVersion.of(3, HARBOUR, agreed)
    assert from_plain(Terms, loads(dumps(plain(agreed)))) == agreed
    assert from_plain(TermsVersion, loads(dumps(plain(version)))) == version
    assert terms_hash(from_plain(Terms, plain(agreed))) == terms_hash(agreed)


def test_facts_survive_their_canonical_encoding() -> None:
    for one in good_standing():
        assert from_plain(Fact, loads(dumps(plain(one)))) == one


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Quota, {"window": "calendar_month", "limit": True, "days": None}),
        (Quota, {"window": "calendar_month", "limit": "4", "days": None}),
        (Quota, {"window": "fortnight", "limit": 4, "days": None}),
        (Quota, {"window": "calendar_month"}),
        (Quota, {"window": "calendar_month", "limit": 4, "more": 1}),
        (Quota, ["calendar_month", 4]),
        (Quota, None),
        (Fact, {"kind": "term", "first": "20260101", "last": None, "recorded_at": "2026-01-01T00:00:00.000000Z"}),
        (Fact, {"kind": "term", "first": "2026-01-01", "last": None, "recorded_at": "2026-01-01T00:00:00Z"}),
        (tuple[int, ...], {}),
        (bytes, "AB=="),
        (float, 1),
        (str | int, None),
    ],
)
def test_json_that_does_not_say_the_value_is_refused(kind: Any, value: Any) -> None:
    with pytest.raises(NotDecodable):
        from_plain(kind, value)


def test_vis1_a_field_that_came_later_with_a_default_may_be_absent() -> None:
    assert from_plain(Quota, {"window": "calendar_month", "limit": 4}) == MONTH
